package ringmq.compatibility;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/** Messages looked up by what a client has in its hand: the two ids of a send, its keys, and the traces that it leaves. */
final class QueryScenarios {
    private static final String TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC";
    private static final int COUNT = 20;

    private QueryScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("query", QueryScenarios::query);
        all.put("trace", QueryScenarios::trace);
    }

    private static void query(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        String offsetId = null;
        int askedAgain = 0;
        for (int i = 0; i < COUNT; i++) {
            Message message = SendScenarios.message(run.topic, "A", "body " + i);
            message.setKeys(Arrays.asList("key-" + i, "all"));
            SendResult sent = producer.send(message);
            offsetId = sent.getOffsetMsgId();
            run.equal(body(producer.viewMessage(run.topic, offsetId)), "body " + i, "by the broker's id");
            String key = "key-" + i;
            // A broker may index a message a little after it has acknowledged it.
            while (bodies(producer, run, key, 64, 0, Long.MAX_VALUE).isEmpty()) {
                run.check(++askedAgain < 1000, "a message with the key " + key);
                Thread.sleep(5);
            }
            run.equal(bodies(producer, run, key, 64, 0, Long.MAX_VALUE), "[body " + i + "]", "by its key");
            run.equal(body(producer.viewMessage(run.topic, sent.getMsgId())), "body " + i, "by the client's id");
        }
        run.detail.put("askedAgain", askedAgain);
        run.equal(bodies(producer, run, "all", 64, 0, Long.MAX_VALUE).size(), COUNT, "all with one key");
        run.equal(bodies(producer, run, "all", 2, 0, Long.MAX_VALUE), "[body 18, body 19]", "the newest two");
        run.equal(bodies(producer, run, "all", 64, 0, System.currentTimeMillis() - 3_600_000), "[]", "an hour ago");
        run.equal(bodies(producer, run, "no-such-key", 64, 0, Long.MAX_VALUE), "[]", "a key that nobody has");
        long place = Long.parseLong(offsetId.substring(16), 16);
        for (long wrong : new long[] {place + 1, place - 1, place + 100_000}) {
            String forged = offsetId.substring(0, 16) + String.format("%016X", wrong);
            run.equal(found(producer, run, forged), null, "an id that names no message");
        }
        producer.shutdown();
    }

    private static void trace(Program.Run run) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("P_" + run.group, null, true, null);
        producer.setNamesrvAddr(run.nameServer);
        producer.setInstanceName("traced-" + run.topic);
        producer.setSendMsgTimeout(10_000);
        producer.start();
        SendResult sent = producer.send(SendScenarios.message(run.topic, "A", "traced"));
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(run.group, true, null);
        consumer.setNamesrvAddr(run.nameServer);
        consumer.setInstanceName("traced-consumer-" + run.topic);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(run.topic, "*");
        Clients.Received received = new Clients.Received();
        Clients.listen(consumer, received);
        consumer.start();
        DefaultMQProducer asker = Clients.producer(run);
        run.detail.put("tracedAfterMs", Clients.await("traces of the send and of its consumption", 30_000, () -> {
            try {
                QueryResult result = asker.queryMessage(TRACE_TOPIC, sent.getMsgId(), 64, 0, Long.MAX_VALUE);
                StringBuilder text = new StringBuilder();
                for (MessageExt message : result.getMessageList()) {
                    text.append(body(message));
                }
                return text.indexOf("Pub\u0001") >= 0 && text.indexOf("SubBefore\u0001") >= 0 && text.indexOf("SubAfter\u0001") >= 0;
            } catch (MQClientException notYet) {
                return false;
            }
        }));
        run.equal(received.count.get(), 1, "deliveries");
        String told = tool("queryMsgTraceById", "-n", run.nameServer, "-i", sent.getMsgId());
        // One line for the send, one below its group for the consumption.
        run.check(told.contains("Pub") && told.contains(run.group) && told.contains("P_" + run.group), "queryMsgTraceById tells " + told);
        run.check(told.contains("success") && !told.contains("failed"), "queryMsgTraceById tells " + told);
        run.check(tool("queryMsgTraceById", "-n", run.nameServer, "-i", "no-such-id").contains("Exception"), "a trace of no message");
        consumer.shutdown();
        asker.shutdown();
        producer.shutdown();
    }

    /** What the stock tool of the same release prints: it succeeds whatever happens. */
    private static String tool(String... arguments) throws Exception {
        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true));
        PrintStream errors = System.err;
        System.setErr(System.out);
        try {
            MQAdminStartup.main0(arguments, null);
        } finally {
            System.setOut(before);
            System.setErr(errors);
        }
        return printed.toString();
    }

    private static String found(DefaultMQProducer producer, Program.Run run, String id) throws Exception {
        try {
            MessageExt message = producer.viewMessage(run.topic, id);
            return message == null ? null : body(message);
        } catch (MQClientException refused) {
            return null;
        }
    }

    private static List<String> bodies(DefaultMQProducer producer, Program.Run run, String key, int max, long begin, long end)
        throws Exception {
        List<String> bodies = new ArrayList<>();
        try {
            for (MessageExt message : producer.queryMessage(run.topic, key, max, begin, end).getMessageList()) {
                bodies.add(body(message));
            }
        } catch (MQClientException none) {
            return bodies;
        }
        return bodies;
    }

    private static String body(MessageExt message) {
        return new String(message.getBody(), java.nio.charset.StandardCharsets.UTF_8);
    }
}
