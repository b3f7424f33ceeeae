package ringmq.compatibility;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * The stock mqadmin, one command after the other in one process: a start of Java for each would take most of the time.
 * Reads a line a command, first the most milliseconds that it may take, then its arguments, all separated by \u0001;
 * prints a line with the hexadecimal UTF-8 of what the command wrote. A command over its time is left to itself, and what it
 * wrote so far is printed.
 */
public final class AdminTool {
    private AdminTool() {
    }

    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split("\u0001", -1);
            String[] command = new String[parts.length - 1];
            System.arraycopy(parts, 1, command, 0, command.length);
            ByteArrayOutputStream written = new ByteArrayOutputStream();
            PrintStream stream = new PrintStream(written, true, "UTF-8");
            System.setOut(stream);
            System.setErr(stream);
            forgetCommands();
            Thread thread = new Thread(() -> MQAdminStartup.main0(command, null));
            thread.setDaemon(true);
            thread.start();
            thread.join(Long.parseLong(parts[0]));
            stream.flush();
            StringBuilder hex = new StringBuilder();
            for (byte b : written.toByteArray()) {
                hex.append(Character.forDigit(b >> 4 & 15, 16)).append(Character.forDigit(b & 15, 16));
            }
            answers.println(hex);
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    /** Each run gets commands of its own: some keep their client, and it can be started but once. */
    private static void forgetCommands() throws Exception {
        for (Field field : MQAdminStartup.class.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) && List.class.isAssignableFrom(field.getType())) {
                field.setAccessible(true);
                ((List<?>) field.get(null)).clear();
            }
        }
    }
}
