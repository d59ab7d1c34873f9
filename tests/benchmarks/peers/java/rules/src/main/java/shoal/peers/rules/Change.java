package shoal.peers.rules;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.nio.charset.StandardCharsets;

/** A user entered or left a segment, at an instant of event time in ms. */
public record Change(String user, String segment, boolean entered, long at) {
    public byte[] json() {
        String text = "{\"user\":\""
                + String.valueOf(JsonStringEncoder.getInstance().quoteAsString(user))
                + "\",\"segment\":\""
                + segment
                + "\",\"action\":\""
                + (entered ? "entered" : "left")
                + "\",\"at\":"
                + at
                + '}';
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
