package com.example.copilot;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.ResolverStyle;
import java.util.Locale;

/** The two forms of a time in this API: milliseconds since 1970 in events, text in answers. */
public final class Times {
    /** The greatest EpochMillis: the end of the year 9999. */
    private static final long LAST_MILLISECOND = 253_402_300_799_999L;

    /** How far an event may lie before and after the receiver's clock. */
    private static final Duration PAST = Duration.ofDays(30);

    private static final Duration FUTURE = Duration.ofMinutes(5);

    private static final DateTimeFormatter UTC =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT)
                    .withResolverStyle(ResolverStyle.STRICT);

    private Times() {}

    /**
     * Reads a UtcTimestamp as milliseconds since 1970.
     *
     * @throws DateTimeException if the text is of another form, or no such day exists
     */
    public static long parseUtc(String text) {
        var moment = LocalDateTime.parse(text, UTC);
        if (!moment.format(UTC).equals(text) || text.length() != 24) {
            throw new DateTimeException("not of the form YYYY-MM-DDThh:mm:ss.sssZ");
        }
        return moment.toInstant(ZoneOffset.UTC).toEpochMilli();
    }

    /**
     * Writes milliseconds since 1970 as a UtcTimestamp.
     *
     * @throws DateTimeException before 1970 and after the year 9999
     */
    public static String formatUtc(long milliseconds) {
        if (milliseconds < 0 || milliseconds > LAST_MILLISECOND) {
            throw new DateTimeException("not between 1970 and the end of the year 9999");
        }
        return UTC.format(Instant.ofEpochMilli(milliseconds).atOffset(ZoneOffset.UTC));
    }

    /**
     * Refuses a time of an event that Copilot.cx would refuse at that moment.
     *
     * @throws DateTimeException if it is more than 30 days ago or more than 5 minutes ahead
     */
    public static void checkEventTime(long milliseconds, Instant now) {
        var age = Duration.between(Instant.ofEpochMilli(milliseconds), now);
        if (milliseconds < 0 || age.compareTo(PAST) > 0) {
            throw new DateTimeException("more than 30 days ago; perhaps in seconds");
        }
        if (age.compareTo(FUTURE.negated()) < 0) {
            throw new DateTimeException("more than 5 minutes ahead");
        }
    }
}
