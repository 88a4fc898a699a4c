package com.example.copilot;

import com.example.copilot.generated.model.Event;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import javax.validation.ConstraintViolation;
import javax.validation.Validation;
import javax.validation.Validator;
import org.hibernate.validator.HibernateValidator;
import org.hibernate.validator.messageinterpolation.ParameterMessageInterpolator;

/**
 * Checks models by the annotations that the generator wrote (patterns, lengths, bounds, and what is mandatory), and
 * whether they can be written as they are.
 */
public final class Rules {
    private static final ObjectMapper MAPPER = StrictJson.mapper();

    private static final Validator VALIDATOR = Validation.byProvider(HibernateValidator.class)
            .configure()
            .ignoreXmlConfiguration()
            .messageInterpolator(new ParameterMessageInterpolator())
            .buildValidatorFactory()
            .getValidator();

    private Rules() {}

    /**
     * Checks a model before it is sent. What no annotation says (the window of times, the number of properties) is for
     * the receiver to refuse.
     *
     * @throws IllegalArgumentException if it breaks a rule; the message names the member and the rule, never the value
     */
    public static void check(Object model) {
        var checked = model instanceof Event ? ((Event) model).getActualInstance() : model;
        if (checked == null) {
            throw new IllegalArgumentException("an event of no type");
        }
        Texts.check("", written(checked));
        VALIDATOR.validate(checked).stream().map(Rules::words).sorted().findFirst().ifPresent(words -> {
            throw new IllegalArgumentException(words);
        });
    }

    /** The id of an event as it may be told, null if it has none that is Unicode. */
    static String eventId(Event event) {
        var instance = event == null ? null : event.getActualInstance();
        if (instance == null) {
            return null;
        }
        try {
            // The variants have no type in common that would have this method.
            var id = (String) instance.getClass().getMethod("getEventId").invoke(instance);
            return id == null || Texts.isUnicode(id) ? id : null;
        } catch (ReflectiveOperationException none) {
            return null;
        }
    }

    private static JsonNode written(Object model) {
        try {
            return MAPPER.valueToTree(model);
        } catch (IllegalArgumentException unwritable) {
            throw new IllegalArgumentException("a value that cannot be written as JSON");
        }
    }

    private static String words(ConstraintViolation<Object> violation) {
        return violation.getPropertyPath() + ": " + violation.getMessage();
    }
}
