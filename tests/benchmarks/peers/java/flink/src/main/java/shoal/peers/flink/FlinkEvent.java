package shoal.peers.flink;

import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.types.CopyableValue;
import org.apache.flink.types.StringValue;
import shoal.peers.rules.Event;
import shoal.peers.rules.Kind;

/** An event as a Flink value: serialized by hand, which the docs recommend over generic types where speed matters. */
public final class FlinkEvent extends Event implements CopyableValue<FlinkEvent> {
    private static final long serialVersionUID = 1;
    private static final Kind[] KINDS = Kind.values();

    @Override
    public void write(DataOutputView output) throws IOException {
        StringValue.writeString(user, output);
        output.writeByte(kind.ordinal());
        output.writeLong(at);
        output.writeLong(amount);
    }

    @Override
    public void read(DataInputView input) throws IOException {
        user = StringValue.readString(input);
        kind = KINDS[input.readByte()];
        at = input.readLong();
        amount = input.readLong();
    }

    @Override
    public int getBinaryLength() {
        return -1;
    }

    @Override
    public void copyTo(FlinkEvent target) {
        target.user = user;
        target.kind = kind;
        target.at = at;
        target.amount = amount;
    }

    @Override
    public FlinkEvent copy() {
        FlinkEvent copy = new FlinkEvent();
        copyTo(copy);
        return copy;
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        FlinkEvent passing = new FlinkEvent();
        passing.read(source);
        passing.write(target);
    }
}
