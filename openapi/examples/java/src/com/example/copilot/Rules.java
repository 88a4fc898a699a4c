package com.example.copilot;

import com.example.copilot.generated.model.Event;
import javax.validation.ConstraintViolation;
import javax.validation.Validation;
import javax.validation.Validator;
import org.hibernate.validator.HibernateValidator;
import org.hibernate.validator.messageinterpolation.ParameterMessageInterpolator;

/** Checks models by the annotations that the generator wrote: patterns, lengths, bounds, and what is mandatory. */
public final class Rules {
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
        VALIDATOR.validate(checked).stream().map(Rules::words).sorted().findFirst().ifPresent(words -> {
            throw new IllegalArgumentException(words);
        });
    }

    private static String words(ConstraintViolation<Object> violation) {
        return violation.getPropertyPath() + ": " + violation.getMessage();
    }
}
