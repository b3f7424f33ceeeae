package ringmq.compatibility;

import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Messages with a time of their own, of clients from 5 on; the methods are looked up by name, so that this compiles with older ones too. */
final class TimerScenarios {
    private static final long LONG_MS = 90_000;

    private TimerScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("timers", TimerScenarios::timers);
        all.put("timers-killed", TimerScenarios::timersKilled);
        all.put("timers-recalled", TimerScenarios::timersRecalled);
    }

    /** setDelayTimeMs, setDelayTimeSec, setDeliverTimeMs. */
    private static Message timed(Program.Run run, String body, String setter, long value) throws Exception {
        Message message = SendScenarios.message(run.topic, "A", body);
        Message.class.getMethod(setter, long.class).invoke(message, value);
        return message;
    }

    private static String handleOf(SendResult result) throws Exception {
        return (String) SendResult.class.getMethod("getRecallHandle").invoke(result);
    }

    private static String recall(DefaultMQProducer producer, String topic, String handle) throws Exception {
        try {
            return (String) DefaultMQProducer.class.getMethod("recallMessage", String.class, String.class).invoke(producer, topic, handle);
        } catch (InvocationTargetException thrown) {
            throw (Exception) thrown.getCause();
        }
    }

    private static void timers(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        Clients.Received received = new Clients.Received();
        producer.send(SendScenarios.message(run.topic, "A", "0"));
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "A", received);
        for (int i = 0; i < 20; i++) {
            producer.send(timed(run, "ms " + (700 + 37 * i), "setDelayTimeMs", 700 + 37 * i));
            producer.send(timed(run, "ms 1000 " + i, "setDelayTimeSec", 1));
            long at = System.currentTimeMillis() + 1500 + 53 * i;
            producer.send(timed(run, "at " + at, "setDeliverTimeMs", at));
        }
        producer.send(timed(run, "at 1000", "setDeliverTimeMs", 1000));
        Clients.await("all timed messages", LONG_MS, () -> received.distinct.size() == 62);
        Thread.sleep(300);
        run.equal(received.count.get(), 62, "deliveries");
        long latest = 0;
        for (MessageExt message : received.messages) {
            String[] words = new String(message.getBody()).split(" ");
            if (words.length == 1 || words[1].equals("1000") && words[0].equals("at")) {
                continue;
            }
            long due = Long.parseLong(words[1]) + (words[0].equals("ms") ? message.getBornTimestamp() : 0);
            long late = message.getStoreTimestamp() - due;
            run.check(late >= 0, new String(message.getBody()) + " came " + -late + " ms early");
            latest = Math.max(latest, late);
        }
        run.detail.put("latestMs", latest);
        run.check(latest <= 1000, "a message came " + latest + " ms after its time");
        boolean isRefused = false;
        try {
            producer.send(timed(run, "too far", "setDeliverTimeMs", Long.MAX_VALUE));
        } catch (MQBrokerException refused) {
            isRefused = refused.getResponseCode() == 13;
        }
        run.check(isRefused, "a time too far away is refused with 13");
        consumer.shutdown();
        producer.shutdown();
    }

    /** The broker is killed while messages wait and are delivered. */
    private static void timersKilled(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        Clients.Received received = new Clients.Received();
        producer.send(SendScenarios.message(run.topic, "A", "0"));
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "A", received);
        long begin = System.currentTimeMillis();
        for (int i = 0; i < 200; i++) {
            long at = begin + 1500 + 40 * i;
            producer.send(timed(run, "at " + at, "setDeliverTimeMs", at));
        }
        Clients.await("a quarter of them", LONG_MS, () -> received.distinct.size() > 50);
        run.askFor("kill");
        Clients.await("all timed messages", LONG_MS, () -> received.distinct.size() == 201);
        for (MessageExt message : received.messages) {
            String[] words = new String(message.getBody()).split(" ");
            if (words.length == 2) {
                run.check(message.getStoreTimestamp() >= Long.parseLong(words[1]), new String(message.getBody()) + " came early");
            }
        }
        run.detail.put("twice", received.count.get() - 201);
        run.check(received.count.get() - 201 <= 60, "came twice: " + (received.count.get() - 201));
        consumer.shutdown();
        producer.shutdown();
    }

    private static void timersRecalled(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        Clients.Received received = new Clients.Received();
        producer.send(SendScenarios.message(run.topic, "A", "0"));
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "A", received);
        List<String> handles = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            SendResult result = producer.send(timed(run, "m" + i, "setDelayTimeMs", 6000));
            run.check(handleOf(result) != null, "a timed message has a handle");
            handles.add(handleOf(result));
            if (i % 2 == 0) {
                run.equal(recall(producer, run.topic, handles.get(i)), result.getMsgId(), "the id of what is taken back");
            }
        }
        for (String forged : new String[] {"djEgeA", handles.get(1).substring(4)}) {
            boolean isRefused = false;
            try {
                recall(producer, run.topic, forged);
            } catch (Exception refused) {
                isRefused = true;
            }
            run.check(isRefused, "a forged handle is refused");
        }
        Clients.await("the others", LONG_MS, () -> received.distinct.size() == 21);
        Thread.sleep(1500);
        run.equal(received.distinct.size(), 21, "messages that were not taken back");
        for (int i = 0; i < 40; i += 2) {
            run.check(!received.distinct.contains("m" + i), "m" + i + " was taken back");
        }
        int code = 0;
        try {
            recall(producer, run.topic, handles.get(1));
        } catch (MQBrokerException refused) {
            code = refused.getResponseCode();
        }
        run.equal(code, 604, "the code for a message that is delivered");
        consumer.shutdown();
        producer.shutdown();
    }
}
