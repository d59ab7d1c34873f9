package shoal.peers.flink;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.TimerService;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import shoal.peers.rules.Change;
import shoal.peers.rules.Changes;
import shoal.peers.rules.Profile;

/**
 * One profile and at most one useful timer a user. The watermark follows the slowest partition, so a user's event may
 * come before his own timers have fired: time is advanced to the event first.
 */
final class Segmentation extends KeyedProcessFunction<String, FlinkEvent, Change> {
    private static final long serialVersionUID = 1;

    private transient ValueState<FlinkProfile> profiles;

    @Override
    public void open(OpenContext context) {
        profiles = getRuntimeContext().getState(new ValueStateDescriptor<>("profile", FlinkProfile.class));
    }

    @Override
    public void processElement(FlinkEvent event, Context context, Collector<Change> out) throws Exception {
        FlinkProfile profile = profiles.value();
        if (profile == null) {
            profile = new FlinkProfile();
        }
        Changes changes = to(out, event.user);
        profile.advance(event.at, changes);
        profile.apply(event, changes);
        arm(profile, context.timerService());
        profiles.update(profile);
    }

    @Override
    public void onTimer(long at, OnTimerContext context, Collector<Change> out) throws Exception {
        FlinkProfile profile = profiles.value();
        if (at != profile.timerAt) {
            return;
        }
        profile.timerAt = Profile.NEVER;
        profile.advance(at, to(out, context.getCurrentKey()));
        arm(profile, context.timerService());
        profiles.update(profile);
    }

    /** Timers are added, never deleted: a deletion costs more than a timer that finds nothing due. */
    private static void arm(Profile profile, TimerService timers) {
        long due = profile.dueAt();
        if (due < profile.timerAt) {
            timers.registerEventTimeTimer(due);
            profile.timerAt = due;
        }
    }

    private static Changes to(Collector<Change> out, String user) {
        return (segment, entered, at) -> out.collect(new Change(user, segment, entered, at));
    }
}
