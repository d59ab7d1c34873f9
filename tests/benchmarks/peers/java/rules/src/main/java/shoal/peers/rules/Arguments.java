package shoal.peers.rules;

import java.util.HashMap;
import java.util.Map;

/** The command line of a job: BOOTSTRAP INPUT_TOPIC OUTPUT_TOPIC STATE_DIR [--name value]... */
public final class Arguments {
    private static final int POSITIONAL = 4;

    public final String bootstrap;
    public final String inputTopic;
    public final String outputTopic;
    public final String stateFolder;
    private final Map<String, String> options = new HashMap<>();

    public Arguments(String[] given) {
        if (given.length < POSITIONAL || given.length % 2 != 0) {
            throw new IllegalArgumentException("wanted: BOOTSTRAP INPUT_TOPIC OUTPUT_TOPIC STATE_DIR [--name value]...");
        }
        bootstrap = given[0];
        inputTopic = given[1];
        outputTopic = given[2];
        stateFolder = given[3];
        for (int index = POSITIONAL; index < given.length; index += 2) {
            options.put(given[index], given[index + 1]);
        }
    }

    /** What the option says: true for the first of the two values, which is what it is when not given. */
    public boolean option(String name, String yes, String no) {
        String value = options.getOrDefault(name, yes);
        if (!value.equals(yes) && !value.equals(no)) {
            throw new IllegalArgumentException(name + " " + value + ": wanted " + yes + " or " + no);
        }
        return value.equals(yes);
    }
}
