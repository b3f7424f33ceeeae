package ringmq.compatibility;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What only some clients do, by reflection where a release lacks it: compression, names in name spaces, heartbeats without subscriptions. */
final class KindScenarios {
    private static final long LONG_MS = 60_000;

    private KindScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("compressed", KindScenarios::compressed);
        all.put("namespace", KindScenarios::namespace);
        all.put("heartbeat-v2", KindScenarios::heartbeatV2);
        all.put("lite-controls", KindScenarios::liteControls);
        all.put("broadcast-resume", KindScenarios::broadcastResume);
    }

    /** Calls a setter where the release has it. False: it does not. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    private static boolean set(Object target, String setter, Object value) throws Exception {
        for (Method method : target.getClass().getMethods()) {
            if (!method.getName().equals(setter)) {
                continue;
            }
            Class<?> type = method.getParameterTypes()[0];
            try {
                method.invoke(target, type.isEnum() ? Enum.valueOf((Class) type, value.toString()) : value);
            } catch (InvocationTargetException refused) {
                throw (Exception) refused.getCause();
            }
            return true;
        }
        return false;
    }

    /** Every type of compression that the release has, short and long bodies, up to 4 MiB as stored. */
    private static void compressed(Program.Run run) throws Exception {
        Map<String, byte[]> sent = new HashMap<>();
        List<String> types = new ArrayList<>();
        for (String type : new String[] {"ZLIB", "LZ4", "ZSTD"}) {
            DefaultMQProducer producer = Clients.producer(run);
            producer.setMaxMessageSize(8 * 1024 * 1024);
            if (set(producer, "setCompressType", type) || type.equals("ZLIB")) {
                types.add(type);
                for (int bytes : new int[] {5_000, 6_000_000}) {
                    byte[] body = new byte[bytes];
                    Arrays.fill(body, (byte) type.charAt(1));
                    String tag = type + bytes;
                    sent.put(tag, body);
                    run.equal(producer.send(new Message(run.topic, tag, body)).getSendStatus(), SendStatus.SEND_OK, "status of " + tag);
                }
            }
            producer.shutdown();
        }
        DefaultMQProducer producer = Clients.producer(run);
        producer.setMaxMessageSize(8 * 1024 * 1024);
        byte[] noise = new byte[4 * 1024 * 1024];
        new Random(3).nextBytes(noise);
        // As it is: compressed it would be longer than what a broker takes.
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        producer.send(new Message(run.topic, "noise", noise));
        sent.put("noise", noise);
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            byte[] body = ("batch " + i).getBytes(StandardCharsets.UTF_8);
            sent.put("b" + i, body);
            batch.add(new Message(run.topic, "b" + i, body));
        }
        producer.send(batch);
        Map<String, MessageExt> got = new ConcurrentHashMap<>();
        Clients.Received received = new Clients.Received() {
            @Override
            void take(List<MessageExt> list) {
                for (MessageExt message : list) {
                    got.put(message.getTags(), message);
                }
            }
        };
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        Clients.await(sent.size() + " messages", LONG_MS, () -> got.size() == sent.size());
        for (Map.Entry<String, byte[]> entry : sent.entrySet()) {
            MessageExt message = got.get(entry.getKey());
            run.check(Arrays.equals(message.getBody(), entry.getValue()), entry.getKey() + " came back changed");
            // Releases differ in whether they leave the flag when they have inflated the body.
            boolean isShort = message.getStoreSize() < entry.getValue().length;
            run.equal(isShort, types.stream().anyMatch(type -> entry.getKey().startsWith(type)), entry.getKey() + " is stored compressed");
        }
        run.detail.put("types", types);
        consumer.shutdown();
        producer.shutdown();
    }

    /** A name space in front of every name (all releases), and one that goes beside it (from 5.1 on). */
    private static void namespace(Program.Run run) throws Exception {
        List<String> tried = new ArrayList<>();
        for (String setter : new String[] {"setNamespace", "setNamespaceV2"}) {
            String space = "space" + tried.size();
            DefaultMQProducer producer = new DefaultMQProducer("P_" + run.group);
            DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(run.group + tried.size());
            if (!set(producer, setter, space) || !set(consumer, setter, space)) {
                continue;
            }
            tried.add(setter);
            producer.setNamesrvAddr(run.nameServer);
            producer.setInstanceName(setter + "-producer");
            producer.start();
            for (int i = 0; i < 20; i++) {
                producer.send(SendScenarios.message(run.topic + setter, "A", setter + i));
            }
            Clients.Received received = new Clients.Received();
            consumer.setNamesrvAddr(run.nameServer);
            consumer.setInstanceName(setter + "-consumer");
            consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
            consumer.subscribe(run.topic + setter, "A");
            Clients.listen(consumer, received);
            consumer.start();
            Clients.await("20 messages with " + setter, LONG_MS, () -> received.distinct.size() == 20);
            run.equal(received.messages.peek().getTopic(), run.topic + setter, "the topic as the application knows it");
            consumer.shutdown();
            producer.shutdown();
        }
        String real = "space0%" + run.topic + "setNamespace";
        run.equal(Clients.readAll(run, real, 20).size(), 20, "messages under the name with its space in front");
        run.detail.put("kinds", tried);
    }

    /** Heartbeats that leave unchanged subscriptions out; a subscription that changes must get through all the same. */
    private static void heartbeatV2(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        producer.send(SendScenarios.message(run.topic, "A", "A 0"));
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "A");
        run.detail.put("v2", set(consumer, "setUseHeartbeatV2", true));
        consumer.setHeartbeatBrokerInterval(200);
        Clients.listen(consumer, received);
        consumer.start();
        Clients.await("the first message", LONG_MS, () -> received.distinct.size() == 1);
        consumer.subscribe(run.topic, "B");
        for (int i = 0; i < 4; i++) {
            // Wakes the pulls that wait with the old subscription, which may still bring these.
            producer.send(SendScenarios.message(run.topic, "A", "A late"), (queues, message, number) -> queues.get((Integer) number), i);
        }
        Clients.await("messages of the tag that it subscribes to now", LONG_MS, () -> {
            producer.send(SendScenarios.message(run.topic, "B", "B " + System.nanoTime()));
            return received.distinct.stream().filter(body -> body.startsWith("B")).count() > 3;
        });
        for (MessageExt message : received.messages) {
            String body = new String(message.getBody());
            run.check(message.getTags().equals("B") || body.equals("A 0") || body.equals("A late"), "tag " + message.getTags());
        }
        consumer.shutdown();
        producer.shutdown();
    }

    private static DefaultLitePullConsumer lite(Program.Run run, String name) throws Exception {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(run.group);
        consumer.setNamesrvAddr(run.nameServer);
        consumer.setInstanceName(name + run.group);
        consumer.setAutoCommit(false);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.start();
        return consumer;
    }

    /** Seek to both ends and by time, pause and go on, commit and come back. */
    private static void liteControls(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        send(producer, run, 0, 40);
        DefaultLitePullConsumer consumer = lite(run, "first");
        List<MessageQueue> queues = new ArrayList<>(consumer.fetchMessageQueues(run.topic));
        queues.sort(null);
        List<MessageQueue> two = queues.subList(0, 2);
        consumer.assign(two);
        MessageQueue left = two.get(0);
        MessageQueue right = two.get(1);
        Set<String> all = ConcurrentHashMap.newKeySet();
        Clients.await("all messages", LONG_MS, () -> poll(consumer, all, null) && all.size() == 40);
        consumer.commitSync();
        Clients.await("the committed offset", LONG_MS, () -> consumer.committed(left) == 20 && consumer.committed(right) == 20);

        consumer.pause(Collections.singletonList(left));
        // A pull that waits already still brings the first message of a queue that is paused.
        Set<String> fresh = ConcurrentHashMap.newKeySet();
        send(producer, run, 40, 42);
        Clients.await("the first of the queue that is not paused", LONG_MS, () -> poll(consumer, fresh, null) && fresh.contains("m41"));
        send(producer, run, 42, 60);
        Clients.await("those of the queue that is not paused", LONG_MS, () -> poll(consumer, fresh, left) && fresh.contains("m59"));
        run.check(fresh.size() <= 11, fresh.size() + " messages while a queue was paused");
        consumer.resume(Collections.singletonList(left));
        Clients.await("those of the other when it goes on", LONG_MS, () -> poll(consumer, fresh, null) && fresh.size() == 20);

        seekUntil(consumer, "m0", () -> consumer.seekToBegin(left));
        run.equal(consumer.offsetForTimestamp(left, 0L), 0L, "the first offset by time");
        run.equal(consumer.offsetForTimestamp(left, System.currentTimeMillis() + 60_000), 30L, "the end by time");
        seekUntil(consumer, "m58", () -> consumer.seek(left, 29));
        consumer.shutdown();
        // What was committed, and not what was read since.
        DefaultLitePullConsumer second = lite(run, "second");
        second.assign(two);
        Set<String> again = ConcurrentHashMap.newKeySet();
        Clients.await("what was not committed", LONG_MS, () -> poll(second, again, null) && again.size() >= 20);
        run.equal(new TreeSet<>(again), new TreeSet<>(fresh), "messages from the committed offsets on");
        second.shutdown();
        producer.shutdown();
    }

    /** By turns to the first two queues. */
    private static void send(DefaultMQProducer producer, Program.Run run, int from, int to) throws Exception {
        for (int i = from; i < to; i++) {
            producer.send(SendScenarios.message(run.topic, "A", "m" + i), (queues, message, number) -> queues.get((Integer) number % 2), i);
        }
    }

    private interface Seek {
        void run() throws Exception;
    }

    /** A seek that comes while the client takes a queue up may be lost: it is done again every few seconds. */
    private static void seekUntil(DefaultLitePullConsumer consumer, String body, Seek seek) throws Exception {
        long[] due = {0};
        Set<String> got = ConcurrentHashMap.newKeySet();
        Clients.await(body + " after a seek", LONG_MS, () -> {
            if (System.currentTimeMillis() >= due[0]) {
                seek.run();
                due[0] = System.currentTimeMillis() + 3_000;
            }
            return poll(consumer, got, null) && got.contains(body);
        });
    }

    /** Always true, for conditions. */
    private static boolean poll(DefaultLitePullConsumer consumer, Set<String> into, MessageQueue paused) {
        for (MessageExt message : consumer.poll(50)) {
            boolean isFirst = new String(message.getBody()).equals("m40");
            if (paused != null && paused.getQueueId() == message.getQueueId() && !isFirst) {
                throw new AssertionError("a message of a queue that is paused: " + new String(message.getBody()));
            }
            into.add(new String(message.getBody()));
        }
        return true;
    }

    /** A broadcast consumer keeps its offsets itself, and goes on there when it comes back. */
    private static void broadcastResume(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        for (int life = 0; life < 2; life++) {
            Clients.Received received = new Clients.Received();
            DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "*");
            // The file of its offsets goes by this name.
            consumer.setInstanceName("keeps-" + run.group);
            Clients.broadcasting(consumer);
            Clients.listen(consumer, received);
            for (int i = 0; i < 20; i++) {
                producer.send(SendScenarios.message(run.topic, "A", life + " " + i));
            }
            consumer.start();
            Clients.await("20 messages in life " + life, LONG_MS, () -> received.distinct.size() >= 20);
            // What was received before would come first, or a moment later.
            Thread.sleep(300);
            consumer.shutdown();
            run.equal(received.count.get(), 20, "deliveries in life " + life);
            for (MessageExt message : received.messages) {
                run.check(new String(message.getBody()).startsWith(life + " "), "in life " + life + " came " + new String(message.getBody()));
            }
        }
        producer.shutdown();
    }
}
