package shoal.peers.streams;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;
import shoal.peers.rules.Profile;

/** Profiles as bytes. */
final class ProfileSerde implements Serde<Profile> {
    private static final int SIZE_FIRST = 256;

    @Override
    public Serializer<Profile> serializer() {
        return (topic, profile) -> profile == null ? null : encoded(profile);
    }

    @Override
    public Deserializer<Profile> deserializer() {
        return (topic, bytes) -> bytes == null ? null : decoded(bytes);
    }

    private static byte[] encoded(Profile profile) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(SIZE_FIRST);
        try {
            profile.write(new DataOutputStream(bytes));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return bytes.toByteArray();
    }

    private static Profile decoded(byte[] bytes) {
        Profile profile = new Profile();
        try {
            profile.read(new DataInputStream(new ByteArrayInputStream(bytes)));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return profile;
    }
}
