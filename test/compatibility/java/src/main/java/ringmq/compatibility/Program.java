package ringmq.compatibility;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Runs scenarios of the unmodified Java client against a name server. Prints one JSON line per scenario on standard
 * output, everything else on standard error; exits with 1 when one of them failed.
 * Usage: Program NAMESRV SCENARIO[,SCENARIO...] PREFIX, PREFIX being the beginning of every topic's and group's name.
 */
public final class Program {
    /** The verdict lines go here; the client's own chatter does not. */
    private static PrintStream verdicts;
    private static BufferedReader commands;

    private Program() {
    }

    public interface Scenario {
        void run(Run run) throws Exception;
    }

    /** What one scenario has: addresses, names and a place for its figures. */
    public static final class Run {
        public final String nameServer;
        public final String topic;
        public final String group;
        public final Map<String, Object> detail = new LinkedHashMap<>();

        Run(String nameServer, String prefix, String scenario) {
            this.nameServer = nameServer;
            this.topic = prefix + "_" + scenario;
            this.group = "G_" + prefix + "_" + scenario;
        }

        public void check(boolean right, String what) {
            if (!right) {
                throw new AssertionError(what);
            }
        }

        public void equal(Object actual, Object expected, String what) {
            if (!String.valueOf(expected).equals(String.valueOf(actual))) {
                throw new AssertionError(what + ": expected " + expected + ", got " + actual);
            }
        }

        /** Asks whoever started this program to do something to the broker; returns when it is done. */
        public void askFor(String event) throws Exception {
            verdicts.println("{\"event\":\"" + event + "\"}");
            verdicts.flush();
            String line = commands.readLine();
            check(line != null, "no answer to the event " + event);
        }
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 3) {
            System.err.println("usage: Program NAMESRV SCENARIO[,SCENARIO...] PREFIX");
            System.exit(2);
        }
        verdicts = System.out;
        System.setOut(System.err);
        commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Map<String, Scenario> all = new LinkedHashMap<>();
        SendScenarios.add(all);
        ConsumeScenarios.add(all);
        FilterScenarios.add(all);
        PullScenarios.add(all);
        RetryScenarios.add(all);
        TimerScenarios.add(all);
        TransactionScenarios.add(all);
        PopScenarios.add(all);
        AdminScenarios.add(all);
        SettingsScenarios.add(all);
        GroupScenarios.add(all);
        QueryScenarios.add(all);
        RequestScenarios.add(all);
        OrderScenarios.add(all);
        KindScenarios.add(all);
        ClusterScenarios.add(all);
        boolean failed = false;
        for (String name : args[1].equals("all") ? all.keySet().toArray(new String[0]) : args[1].split(",")) {
            Scenario scenario = all.get(name);
            Run run = new Run(args[0], args[2], name.replace('-', '_'));
            long begin = System.nanoTime();
            String error = null;
            if (scenario == null) {
                error = "no such scenario";
            } else {
                try {
                    scenario.run(run);
                } catch (Throwable thrown) {
                    thrown.printStackTrace();
                    error = thrown.toString();
                }
            }
            failed |= error != null;
            verdicts.println(verdict(name, error, (System.nanoTime() - begin) / 1_000_000, run.detail));
            verdicts.flush();
        }
        // The clients' own threads are no daemons, and a failed scenario may have left some.
        Runtime.getRuntime().halt(failed ? 1 : 0);
    }

    private static String verdict(String name, String error, long ms, Map<String, Object> detail) {
        StringBuilder json = new StringBuilder("{\"scenario\":").append(quote(name)).append(",\"ok\":").append(error == null)
            .append(",\"ms\":").append(ms);
        if (error != null) {
            json.append(",\"error\":").append(quote(error));
        }
        json.append(",\"detail\":{");
        String separator = "";
        for (Map.Entry<String, Object> entry : detail.entrySet()) {
            json.append(separator).append(quote(entry.getKey())).append(':');
            json.append(entry.getValue() instanceof Number ? entry.getValue().toString() : quote(String.valueOf(entry.getValue())));
            separator = ",";
        }
        return json.append("}}").toString();
    }

    private static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int i = 0; i < text.length() && i < 2000; i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < ' ') {
                quoted.append(' ');
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}
