package ringmq.compatibility;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/** Push consumers that let the broker divide the queues, and pop because the stock tool has said so (5.x only, hence by reflection). */
final class PopScenarios {
    private static final long LONG_MS = 90_000;
    private static final int INVISIBLE_MS = 5_000;
    /** A client begins anew some seconds after the broker was there again. */
    private static final int KILLED_INVISIBLE_MS = 15_000;
    private static final int UNACKNOWLEDGED = 15;

    private PopScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("pop", PopScenarios::pop);
        all.put("pop-retry", PopScenarios::popRetry);
        all.put("pop-invisible", PopScenarios::popInvisible);
        all.put("pop-invisible-killed", PopScenarios::popInvisibleKilled);
        all.put("pop-restart", PopScenarios::popRestart);
    }

    private static String cluster(Program.Run run) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt();
        admin.setNamesrvAddr(run.nameServer);
        admin.setInstanceName("pop-" + run.topic);
        admin.start();
        try {
            return admin.examineBrokerClusterInfo().getClusterAddrTable().keySet().iterator().next();
        } finally {
            admin.shutdown();
        }
    }

    /** The topic and the group are there, and the group pops the topic. */
    private static void prepare(Program.Run run, int retryMaxTimes) throws Exception {
        String cluster = cluster(run);
        MQAdminStartup.main0(new String[] {"updateTopic", "-n", run.nameServer, "-c", cluster, "-t", run.topic, "-r", "4", "-w", "4"}, null);
        MQAdminStartup.main0(new String[] {
            "updateSubGroup", "-n", run.nameServer, "-c", cluster, "-g", run.group, "-r", String.valueOf(retryMaxTimes)}, null);
        MQAdminStartup.main0(new String[] {
            "setConsumeMode", "-n", run.nameServer, "-c", cluster, "-t", run.topic, "-g", run.group, "-m", "POP", "-q", "0"}, null);
    }

    private static DefaultMQPushConsumer consumer(Program.Run run, MessageListenerConcurrently listener) throws Exception {
        return consumer(run, INVISIBLE_MS, listener);
    }

    private static DefaultMQPushConsumer consumer(Program.Run run, int invisibleMs, MessageListenerConcurrently listener) throws Exception {
        DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "*");
        call(consumer, "setClientRebalance", boolean.class, false);
        call(consumer, "setPopInvisibleTime", long.class, (long) invisibleMs);
        consumer.setPollNameServerInterval(1000);
        consumer.registerMessageListener(listener);
        consumer.start();
        // What the client asks for when a listener fails: a second each time.
        Method delays = consumer.getDefaultMQPushConsumerImpl().getClass().getDeclaredMethod("getPopDelayLevel");
        delays.setAccessible(true);
        Arrays.fill((int[]) delays.invoke(consumer.getDefaultMQPushConsumerImpl()), 1);
        return consumer;
    }

    private static void call(DefaultMQPushConsumer consumer, String method, Class<?> type, Object value) throws Exception {
        DefaultMQPushConsumer.class.getMethod(method, type).invoke(consumer, value);
    }

    private static boolean pops(DefaultMQPushConsumer consumer) throws Exception {
        Object rebalance = consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl();
        Class<?> type = rebalance.getClass().getSuperclass();
        return !((Map<?, ?>) type.getMethod("getPopProcessQueueTable").invoke(rebalance)).isEmpty();
    }

    /** Two consumers share all queues; each message once; nothing is behind at the end. */
    private static void pop(Program.Run run) throws Exception {
        prepare(run, 16);
        Clients.Received one = new Clients.Received();
        Clients.Received two = new Clients.Received();
        List<DefaultMQPushConsumer> consumers = new ArrayList<>();
        for (Clients.Received received : Arrays.asList(one, two)) {
            consumers.add(consumer(run, (messages, context) -> {
                received.take(messages);
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            }));
        }
        for (DefaultMQPushConsumer consumer : consumers) {
            Clients.await("a consumer that pops", LONG_MS, () -> pops(consumer));
        }
        DefaultMQProducer producer = Clients.producer(run);
        producer.send(SendScenarios.message(run.topic, "A", "first"));
        Clients.await("the first message", LONG_MS, () -> one.count.get() + two.count.get() == 1);
        long begin = System.nanoTime();
        producer.send(SendScenarios.message(run.topic, "A", "second"));
        Clients.await("a message to a waiting pop", LONG_MS, () -> one.count.get() + two.count.get() == 2);
        run.detail.put("longPollMs", (System.nanoTime() - begin) / 1_000_000);
        for (int i = 0; i < 400; i++) {
            producer.send(SendScenarios.message(run.topic, "A", "m " + i));
        }
        Clients.await("all messages", LONG_MS, () -> one.distinct.size() + two.distinct.size() >= 402);
        // Longer than the invisible time: what was not acknowledged would come again.
        Thread.sleep(INVISIBLE_MS + 2_000);
        run.equal(one.count.get() + two.count.get(), 402, "deliveries");
        run.equal(one.distinct.size() + two.distinct.size(), 402, "distinct messages");
        run.detail.put("shares", one.count.get() + "+" + two.count.get());
        run.check(one.count.get() > 0 && two.count.get() > 0, "one consumer got everything");
        DefaultMQAdminExt admin = new DefaultMQAdminExt();
        admin.setNamesrvAddr(run.nameServer);
        admin.setInstanceName("progress-" + run.topic);
        admin.start();
        Clients.await("a group without lag", 15_000, () -> admin.examineConsumeStats(run.group, run.topic).computeTotalDiff() == 0);
        admin.shutdown();
        for (DefaultMQPushConsumer consumer : consumers) {
            consumer.shutdown();
        }
        producer.shutdown();
    }

    /** Half of the messages fail for ever and reach the dead letters; the others fail once. */
    private static void popRetry(Program.Run run) throws Exception {
        prepare(run, 2);
        DefaultMQProducer producer = Clients.producer(run);
        for (int i = 0; i < 10; i++) {
            producer.send(SendScenarios.message(run.topic, "A", (i % 2 == 0 ? "bad " : "good ") + i));
        }
        List<String> attempts = Collections.synchronizedList(new ArrayList<>());
        DefaultMQPushConsumer consumer = consumer(run, (messages, context) -> {
            MessageExt message = messages.get(0);
            String body = new String(message.getBody());
            attempts.add(body + " " + message.getReconsumeTimes() + " " + message.getTopic());
            boolean fails = body.startsWith("bad") || message.getReconsumeTimes() == 0;
            return fails ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        Clients.await("every attempt", LONG_MS, () -> attempts.size() >= 25);
        List<MessageExt> dead = RetryScenarios.deadLetters(run, 5);
        for (int i = 0; i < 10; i++) {
            for (int times = 0; times < (i % 2 == 0 ? 3 : 2); times++) {
                String attempt = (i % 2 == 0 ? "bad " : "good ") + i + " " + times + " " + run.topic;
                run.check(attempts.contains(attempt), "no attempt " + attempt + " in " + attempts);
            }
        }
        run.equal(attempts.size(), 25, "attempts");
        run.equal(dead.size(), 5, "dead letters");
        for (MessageExt message : dead) {
            run.check(new String(message.getBody()).startsWith("bad"), "a good one among the dead letters");
            run.equal(message.getProperty("RETRY_TOPIC"), run.topic, "the topic that it came from");
        }
        consumer.shutdown();
        producer.shutdown();
    }

    /** Listeners that take longer than the invisible time: their messages go to others when it is over. */
    private static void popInvisible(Program.Run run) throws Exception {
        unacknowledged(run, INVISIBLE_MS, null);
    }

    /** The same, and the broker is killed while the messages are with the listeners. */
    private static void popInvisibleKilled(Program.Run run) throws Exception {
        unacknowledged(run, KILLED_INVISIBLE_MS, "kill");
    }

    /**
     * Each message is with its first listener for ever, and so comes once more. By the broker's word none is given out again before its time; by the
     * client's clock the usual one is there within 200 ms of it. How late the last one was is told: a busy machine is not judged.
     */
    private static void unacknowledged(Program.Run run, int invisibleMs, String event) throws Exception {
        prepare(run, 16);
        Map<String, long[]> first = new ConcurrentHashMap<>();
        Map<String, long[]> second = new ConcurrentHashMap<>();
        CountDownLatch end = new CountDownLatch(1);
        DefaultMQPushConsumer consumer = consumer(run, invisibleMs, (messages, context) -> {
            long now = System.currentTimeMillis();
            MessageExt message = messages.get(0);
            long[] times = {Long.parseLong(message.getProperty("POP_CK").split(" ")[1]), now};
            String body = new String(message.getBody());
            if (first.putIfAbsent(body, times) != null) {
                second.putIfAbsent(body, times);
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            }
            try {
                end.await();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        DefaultMQProducer producer = Clients.producer(run);
        for (int i = 0; i < UNACKNOWLEDGED; i++) {
            producer.send(SendScenarios.message(run.topic, "A", "slow " + i));
            Thread.sleep(100);
        }
        Clients.await("the first deliveries", LONG_MS, () -> first.size() == UNACKNOWLEDGED);
        if (event != null) {
            run.check(second.isEmpty(), "some came again before the " + event);
            run.askFor(event);
        }
        Clients.await("the second deliveries", LONG_MS, () -> second.size() == UNACKNOWLEDGED);
        end.countDown();
        List<Long> late = new ArrayList<>();
        for (String body : first.keySet()) {
            long early = first.get(body)[0] + invisibleMs - second.get(body)[0];
            run.check(early <= 0, body + " was given out again " + early + " ms before its invisible time was over");
            late.add(second.get(body)[1] - first.get(body)[1] - invisibleMs);
        }
        Collections.sort(late);
        long usual = late.get(late.size() / 2);
        run.detail.put("lateMs", usual);
        run.detail.put("lateMostMs", late.get(late.size() - 1));
        run.check(Math.abs(usual) <= 200, "the usual message was back " + usual + " ms after its invisible time: " + late);
        consumer.shutdown();
        producer.shutdown();
    }

    /** The broker is stopped and killed while two consumers pop: every message comes, those that were acknowledged once. */
    private static void popRestart(Program.Run run) throws Exception {
        prepare(run, 16);
        List<MessageExt> received = Collections.synchronizedList(new ArrayList<>());
        Set<String> distinct = ConcurrentHashMap.newKeySet();
        List<DefaultMQPushConsumer> consumers = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            consumers.add(consumer(run, (messages, context) -> {
                received.addAll(messages);
                for (MessageExt message : messages) {
                    distinct.add(new String(message.getBody()));
                }
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            }));
        }
        DefaultMQProducer producer = Clients.producer(run);
        Set<String> acknowledged = ConcurrentHashMap.newKeySet();
        AtomicBoolean stop = new AtomicBoolean();
        Thread sender = new Thread(() -> {
            for (int i = 0; !stop.get(); i++) {
                try {
                    String body = "restart " + i;
                    if (producer.send(SendScenarios.message(run.topic, "A", body), 2_000).getSendStatus() == SendStatus.SEND_OK) {
                        acknowledged.add(body);
                    }
                    Thread.sleep(2);
                } catch (Exception broken) {
                    // The broker is away: the next one may pass.
                }
            }
        });
        sender.start();
        for (String event : Arrays.asList("restart", "kill")) {
            int before = distinct.size();
            Clients.await("100 messages before the " + event, LONG_MS, () -> distinct.size() >= before + 100);
            run.askFor(event);
        }
        int before = distinct.size();
        Clients.await("100 messages after it", LONG_MS, () -> distinct.size() >= before + 100);
        stop.set(true);
        sender.join();
        Clients.await("all that was acknowledged", LONG_MS, () -> distinct.containsAll(acknowledged));
        run.detail.put("sent", acknowledged.size());
        run.detail.put("again", received.size() - distinct.size());
        for (DefaultMQPushConsumer consumer : consumers) {
            consumer.shutdown();
        }
        producer.shutdown();
    }
}
