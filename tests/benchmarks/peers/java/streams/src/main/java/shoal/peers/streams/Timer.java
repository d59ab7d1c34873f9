package shoal.peers.streams;

/** When to look at a user again, in ms of event time. */
record Timer(long at, String user) implements Comparable<Timer> {
    @Override
    public int compareTo(Timer other) {
        return Long.compare(at, other.at);
    }
}
