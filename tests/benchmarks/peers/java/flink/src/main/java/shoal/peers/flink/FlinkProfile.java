package shoal.peers.flink;

import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.types.CopyableValue;
import shoal.peers.rules.Profile;

/**
 * A profile as a Flink value. The heap backend copies one that is touched while a snapshot is being written, so it may
 * be changed in place.
 */
public final class FlinkProfile extends Profile implements CopyableValue<FlinkProfile> {
    private static final long serialVersionUID = 1;

    @Override
    public void write(DataOutputView output) throws IOException {
        super.write(output);
    }

    @Override
    public void read(DataInputView input) throws IOException {
        super.read(input);
    }

    @Override
    public int getBinaryLength() {
        return -1;
    }

    @Override
    public void copyTo(FlinkProfile target) {
        target.copyFrom(this);
    }

    @Override
    public FlinkProfile copy() {
        FlinkProfile copy = new FlinkProfile();
        copy.copyFrom(this);
        return copy;
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        FlinkProfile passing = new FlinkProfile();
        passing.read(source);
        passing.write(target);
    }
}
