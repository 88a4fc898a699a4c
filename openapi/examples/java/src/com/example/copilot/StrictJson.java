package com.example.copilot;

import com.example.copilot.generated.ApiClient;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.type.LogicalType;

/**
 * Jackson as the contract needs it. The mapper of the generated client takes a number for text and 5.0 for 5, and
 * ignores unknown members.
 */
public final class StrictJson {
    private StrictJson() {}

    /** A new mapper, made from the one of the generated client. */
    @SuppressWarnings("deprecation") // The other way to turn this feature off is a builder, which starts from nothing.
    public static ObjectMapper mapper() {
        var mapper = ApiClient.createDefaultObjectMapper();
        mapper.disable(MapperFeature.ALLOW_COERCION_OF_SCALARS);
        mapper.enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
        mapper.enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
        mapper.enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION.mappedFeature());
        for (var other : CoercionInputShape.values()) {
            if (other != CoercionInputShape.String) {
                mapper.coercionConfigFor(LogicalType.Textual).setCoercion(other, CoercionAction.Fail);
            }
            if (other != CoercionInputShape.Integer) {
                mapper.coercionConfigFor(LogicalType.Integer).setCoercion(other, CoercionAction.Fail);
            }
            if (other != CoercionInputShape.Float) {
                mapper.coercionConfigFor(LogicalType.Float).setCoercion(other, CoercionAction.Fail);
            }
            if (other != CoercionInputShape.Boolean) {
                mapper.coercionConfigFor(LogicalType.Boolean).setCoercion(other, CoercionAction.Fail);
            }
        }
        return mapper;
    }
}
