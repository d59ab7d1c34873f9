package shoal.peers.rules;

/** One message. Mutable, so that an engine that allows it may use one object for all. */
public class Event {
    public String user;
    public Kind kind = Kind.OTHER;
    /** Event time in ms. */
    public long at;
    /** Pieces of ADDED, cents of ORDERED, else 0. */
    public long amount;
}
