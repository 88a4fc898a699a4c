import com.example.copilot.generated.model.UserCreatedPayload;

/** This must not compile: the field is misspelt. */
final class WrongField {
    static final UserCreatedPayload PAYLOAD = new UserCreatedPayload().userId("u").utcOffest("+0100"); // utc_offest
}
