package shoal.peers.rules;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * Reads messages of the Segment spec with Jackson's streaming parser, no further than the last field that matters.
 * User and time are the record's key and timestamp, which are those of the message. Not for several threads.
 */
public final class EventReader {
    private final JsonFactory factory = new JsonFactory();

    private String type;
    private String name;
    private boolean propertiesSeen;
    private String category;
    private long quantity;
    private long totalCents;

    /** Fills an event; IOException for what is not JSON. */
    public void read(byte[] key, byte[] json, long timestamp, Event event) throws IOException {
        scan(json);
        event.user = new String(key, StandardCharsets.UTF_8);
        event.at = timestamp;
        event.kind = kind();
        event.amount = switch (event.kind) {
            case ADDED -> quantity;
            case ORDERED -> totalCents;
            default -> 0;
        };
    }

    private Kind kind() {
        if (type == null) {
            return Kind.OTHER;
        }
        if (type.equals("page")) {
            return Kind.PAGE;
        }
        if (!type.equals("track") || name == null) {
            return Kind.OTHER;
        }
        return switch (name) {
            case "Product Viewed" -> "shoes".equals(category) ? Kind.SHOES_VIEWED : Kind.OTHER;
            case "Product Added" -> Kind.ADDED;
            case "Order Completed" -> Kind.ORDERED;
            default -> Kind.OTHER;
        };
    }

    private void scan(byte[] json) throws IOException {
        type = name = category = null;
        propertiesSeen = false;
        quantity = totalCents = 0;
        try (JsonParser parser = factory.createParser(json)) {
            parser.nextToken();
            while (!decided() && parser.nextToken() == JsonToken.FIELD_NAME) {
                String field = parser.currentName();
                JsonToken value = parser.nextToken();
                switch (field) {
                    case "type" -> type = parser.getValueAsString();
                    case "event" -> name = parser.getValueAsString();
                    case "properties" -> {
                        if (value == JsonToken.START_OBJECT) {
                            scanProperties(parser);
                        }
                        propertiesSeen = true;
                    }
                    default -> parser.skipChildren();
                }
            }
        }
    }

    private void scanProperties(JsonParser parser) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (field) {
                case "category" -> category = parser.getValueAsString();
                case "quantity" -> quantity = value.isNumeric() ? parser.getLongValue() : 0;
                case "total" -> totalCents =
                        value.isNumeric() ? parser.getDecimalValue().movePointRight(2).longValueExact() : 0;
                default -> parser.skipChildren();
            }
        }
    }

    private boolean decided() {
        return type != null && (!type.equals("track") || name != null && propertiesSeen);
    }
}
