package ringmq.compatibility;

import java.text.SimpleDateFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Push consumers. */
final class ConsumeScenarios {
    private static final long LONG_MS = 60_000;

    private ConsumeScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("push", ConsumeScenarios::push);
        all.put("broadcast", ConsumeScenarios::broadcast);
        all.put("tag-filter", ConsumeScenarios::tagFilter);
        all.put("rebalance", ConsumeScenarios::rebalance);
        all.put("mixed-group", ConsumeScenarios::mixedGroup);
        all.put("resume", ConsumeScenarios::resume);
        all.put("consume-from", ConsumeScenarios::consumeFrom);
        all.put("consume-from-aged", ConsumeScenarios::consumeFromAged);
        all.put("backlog", ConsumeScenarios::backlog);
        all.put("orderly", ConsumeScenarios::orderly);
        all.put("broker-restart", ConsumeScenarios::brokerRestart);
    }

    private static void send(DefaultMQProducer producer, String topic, String tag, int from, int to) throws Exception {
        for (int i = from; i < to; i++) {
            producer.send(SendScenarios.message(topic, tag, tag + " " + i));
        }
    }

    /** Waits for `expected` messages, then a little longer for any that should not come. */
    static void exactly(Program.Run run, Clients.Received received, int expected, String what) throws Exception {
        Clients.await(expected + " messages for " + what, LONG_MS, () -> received.distinct.size() >= expected);
        Thread.sleep(300);
        run.equal(received.distinct.size(), expected, "distinct messages for " + what);
        run.equal(received.count.get(), expected, "deliveries to " + what);
    }

    private static void push(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        send(producer, run.topic, "A", 0, 1);
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        Clients.await("the first message", LONG_MS, () -> received.count.get() == 1);
        long begin = System.nanoTime();
        send(producer, run.topic, "B", 0, 1);
        Clients.await("a message to a waiting pull", LONG_MS, () -> received.count.get() == 2);
        run.detail.put("longPollMs", (System.nanoTime() - begin) / 1_000_000);
        // At its end, 15 s after it began, a pull would bring the message too.
        run.check((System.nanoTime() - begin) / 1_000_000 < 10_000, "a waiting pull was not woken by the message");
        send(producer, run.topic, "C", 0, 300);
        exactly(run, received, 302, "the consumer");
        consumer.shutdown();
        producer.shutdown();
    }

    private static void broadcast(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        send(producer, run.topic, "before", 0, 1);
        List<Clients.Received> all = new ArrayList<>();
        List<DefaultMQPushConsumer> consumers = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Clients.Received received = new Clients.Received();
            DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "*");
            Clients.broadcasting(consumer);
            Clients.listen(consumer, received);
            consumer.start();
            all.add(received);
            consumers.add(consumer);
        }
        for (DefaultMQPushConsumer consumer : consumers) {
            Clients.await("all queues for each consumer", LONG_MS, () -> Clients.queuesOf(consumer, run.topic) == 4);
        }
        send(producer, run.topic, "after", 0, 100);
        for (Clients.Received received : all) {
            exactly(run, received, 101, "a broadcast consumer");
        }
        for (DefaultMQPushConsumer consumer : consumers) {
            consumer.shutdown();
        }
        producer.shutdown();
    }

    private static void tagFilter(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        for (int i = 0; i < 100; i++) {
            for (String tag : new String[] {"A", "B", "C", "AaAa", "BBBB"}) {
                send(producer, run.topic, tag, i, i + 1);
            }
        }
        Clients.Received two = new Clients.Received();
        Clients.Received collision = new Clients.Received();
        DefaultMQPushConsumer first = Clients.push(run, run.group + "_two", run.topic, "A || C", two);
        // "AaAa" and "BBBB" have one hash: the broker may send both, the client drops the other.
        DefaultMQPushConsumer second = Clients.push(run, run.group + "_collision", run.topic, "AaAa", collision);
        exactly(run, two, 200, "tags A and C");
        exactly(run, collision, 100, "a tag whose hash is another's");
        for (MessageExt message : two.messages) {
            run.check(message.getTags().equals("A") || message.getTags().equals("C"), "tag " + message.getTags());
        }
        first.shutdown();
        second.shutdown();
        producer.shutdown();
    }

    private static void rebalance(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        send(producer, run.topic, "first", 0, 1);
        Clients.Received one = new Clients.Received();
        Clients.Received two = new Clients.Received();
        DefaultMQPushConsumer first = Clients.push(run, run.group, run.topic, "*", one);
        Clients.await("all four queues for the only consumer", LONG_MS, () -> Clients.queuesOf(first, run.topic) == 4);
        long joined = System.nanoTime();
        DefaultMQPushConsumer second = Clients.push(run, run.group, run.topic, "*", two);
        Clients.await("two queues each", LONG_MS,
            () -> Clients.queuesOf(first, run.topic) == 2 && Clients.queuesOf(second, run.topic) == 2);
        run.detail.put("joinMs", (System.nanoTime() - joined) / 1_000_000);
        send(producer, run.topic, "shared", 0, 200);
        Clients.await("all of the shared messages", LONG_MS, () -> {
            Set<String> union = ConcurrentHashMap.newKeySet();
            union.addAll(one.distinct);
            union.addAll(two.distinct);
            return union.size() == 201;
        });
        run.check(two.distinct.size() >= 80, "the second consumer got only " + two.distinct.size());
        long left = System.nanoTime();
        first.shutdown();
        run.detail.put("shutdownMs", (System.nanoTime() - left) / 1_000_000);
        Clients.await("all four queues for the one that stays", LONG_MS, () -> Clients.queuesOf(second, run.topic) == 4);
        run.detail.put("takeOverMs", (System.nanoTime() - left) / 1_000_000);
        int before = two.distinct.size();
        send(producer, run.topic, "alone", 0, 100);
        Clients.await("all of the later messages", LONG_MS, () -> two.distinct.size() >= before + 100);
        run.detail.put("duplicates", one.count.get() + two.count.get() - 301);
        second.shutdown();
        producer.shutdown();
    }

    /** A group of this client and of ringmq's own: each works its share out alone, and the two have to fit. */
    private static void mixedGroup(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        send(producer, run.topic, "first", 0, 4);
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        Clients.await("all four queues for the only consumer", LONG_MS, () -> Clients.queuesOf(consumer, run.topic) == 4);
        exactly(run, received, 4, "the only consumer");
        // Until a commit has told the other where this one is, it would begin before that.
        consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset();
        Thread.sleep(300);
        run.askFor("member join " + run.topic + " " + run.group);
        Clients.await("two queues each", LONG_MS, () -> Clients.queuesOf(consumer, run.topic) == 2);
        send(producer, run.topic, "shared", 0, 200);
        exactly(run, received, 104, "this half of the group");
        run.askFor("member has 100 shared");
        run.askFor("member leave");
        Clients.await("all four queues when the other has left", LONG_MS, () -> Clients.queuesOf(consumer, run.topic) == 4);
        send(producer, run.topic, "alone", 0, 40);
        exactly(run, received, 144, "the one that stays");
        run.askFor("member join " + run.topic + " " + run.group);
        consumer.shutdown();
        run.askFor("member owns 4");
        send(producer, run.topic, "taken over", 0, 40);
        run.askFor("member has 40 taken");
        run.askFor("member leave");
        producer.shutdown();
    }

    private static void resume(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        send(producer, run.topic, "before", 0, 120);
        Clients.Received before = new Clients.Received();
        DefaultMQPushConsumer first = Clients.push(run, run.group, run.topic, "*", before);
        exactly(run, before, 120, "the first consumer");
        first.shutdown();
        send(producer, run.topic, "after", 0, 80);
        Clients.Received after = new Clients.Received();
        DefaultMQPushConsumer second = Clients.push(run, run.group, run.topic, "*", after);
        exactly(run, after, 80, "the consumer that came back");
        second.shutdown();
        producer.shutdown();
    }

    /** Gives a time between the forty before and the forty after it. */
    private static Date sendBeforeAndAfter(DefaultMQProducer producer, String topic) throws Exception {
        send(producer, topic, "before", 0, 40);
        // Clients name a time by its second.
        long second = System.currentTimeMillis() / 1_000 + 1;
        Clients.await("a second between", LONG_MS, () -> System.currentTimeMillis() / 1_000 > second);
        send(producer, topic, "after", 0, 40);
        return new Date(second * 1_000);
    }

    /** A member of a group of its own, started, that begins where it says. */
    private static DefaultMQPushConsumer beginAt(Program.Run run, ConsumeFromWhere from, Date time, Clients.Received received) throws Exception {
        DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group + "_" + from, run.topic, "*");
        consumer.setConsumeFromWhere(from);
        consumer.setConsumeTimestamp(new SimpleDateFormat("yyyyMMddHHmmss").format(time));
        Clients.listen(consumer, received);
        consumer.start();
        return consumer;
    }

    /** On a young topic a broker of this protocol answers offset 0 to a group that never committed, whatever it asks for. */
    private static void consumeFrom(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        Date between = sendBeforeAndAfter(producer, run.topic);
        for (ConsumeFromWhere from : new ConsumeFromWhere[] {ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET,
            ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET, ConsumeFromWhere.CONSUME_FROM_TIMESTAMP}) {
            Clients.Received received = new Clients.Received();
            DefaultMQPushConsumer consumer = beginAt(run, from, between, received);
            exactly(run, received, 80, from.toString());
            run.detail.put(from.toString(), received.count.get());
            consumer.shutdown();
        }
        producer.shutdown();
    }

    /** A topic that has lost its first messages has a past: a new group begins where its consumers say. */
    private static void consumeFromAged(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        send(producer, run.topic, "gone", 0, 40);
        byte[] filler = new byte[4_000_000];
        for (int i = 0; i < 12; i++) {
            producer.send(new Message(run.topic + "_filler", filler));
        }
        run.askFor("age " + run.topic);
        Date between = sendBeforeAndAfter(producer, run.topic);
        for (ConsumeFromWhere from : new ConsumeFromWhere[] {ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET,
            ConsumeFromWhere.CONSUME_FROM_TIMESTAMP, ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET}) {
            Clients.Received received = new Clients.Received();
            DefaultMQPushConsumer consumer = beginAt(run, from, between, received);
            if (from == ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET) {
                Clients.await("all queues", LONG_MS, () -> Clients.queuesOf(consumer, run.topic) == 4);
                Thread.sleep(500);
                send(producer, run.topic, "last", 0, 20);
            }
            long begin = System.nanoTime();
            String[] words = from == ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET ? new String[] {"before", "after"}
                : new String[] {from == ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET ? "last" : "after"};
            exactly(run, received, from == ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET ? 20 : 40 * words.length, from.toString());
            run.detail.put(from.toString(), (System.nanoTime() - begin) / 1_000_000);
            for (MessageExt message : received.messages) {
                run.check(Arrays.asList(words).contains(message.getTags()), from + " brought " + new String(message.getBody()));
            }
            consumer.shutdown();
        }
        producer.shutdown();
    }

    private static void backlog(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        int total = 20_000;
        String filler = new String(new char[200]).replace('\0', 'x');
        for (int i = 0; i < total; i += 200) {
            List<Message> batch = new ArrayList<>();
            for (int j = i; j < i + 200; j++) {
                batch.add(SendScenarios.message(run.topic, "A", j + " " + filler));
            }
            run.equal(producer.send(batch).getSendStatus(), SendStatus.SEND_OK, "status of the batch at " + i);
        }
        Clients.Received received = new Clients.Received();
        long begin = System.nanoTime();
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        exactly(run, received, total, "the backlog");
        run.detail.put("consumeMs", (System.nanoTime() - begin) / 1_000_000);
        consumer.shutdown();
        producer.shutdown();
    }

    private static void orderly(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        for (int i = 0; i < 50; i++) {
            for (int key = 0; key < 4; key++) {
                producer.send(SendScenarios.message(run.topic, "A", key + ":" + i),
                    (queues, message, argument) -> queues.get((Integer) argument % queues.size()), key);
            }
        }
        Map<String, Integer> last = new ConcurrentHashMap<>();
        AtomicBoolean inOrder = new AtomicBoolean(true);
        AtomicLong count = new AtomicLong();
        DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            for (MessageExt message : messages) {
                String[] parts = new String(message.getBody()).split(":");
                int i = Integer.parseInt(parts[1]);
                Integer before = last.put(parts[0], i);
                if (i != (before == null ? 0 : before + 1)) {
                    inOrder.set(false);
                }
                count.incrementAndGet();
            }
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        Clients.await("200 messages in order", LONG_MS, () -> count.get() >= 200);
        run.check(inOrder.get(), "messages of one key came out of order");
        run.equal(count.get(), 200, "deliveries");
        consumer.shutdown();
        producer.shutdown();
    }

    /** Sends and consumes while the broker is stopped and started again; what was acknowledged must arrive. */
    private static void brokerRestart(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        Clients.Received received = new Clients.Received();
        producer.send(SendScenarios.message(run.topic, "A", "first"));
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        Set<String> acknowledged = ConcurrentHashMap.newKeySet();
        acknowledged.add("first");
        AtomicBoolean stop = new AtomicBoolean();
        AtomicLong lastSuccess = new AtomicLong();
        AtomicLong failures = new AtomicLong();
        Thread sender = new Thread(() -> {
            for (int i = 0; !stop.get(); i++) {
                String body = "restart " + i;
                try {
                    if (producer.send(SendScenarios.message(run.topic, "A", body), 2_000).getSendStatus() == SendStatus.SEND_OK) {
                        acknowledged.add(body);
                        lastSuccess.set(System.nanoTime());
                    }
                    Thread.sleep(5);
                } catch (InterruptedException end) {
                    return;
                } catch (Exception refused) {
                    failures.incrementAndGet();
                }
            }
        });
        sender.start();
        Clients.await("50 sends before the restart", LONG_MS, () -> acknowledged.size() > 50);
        run.askFor("restart");
        long up = System.nanoTime();
        int before = acknowledged.size();
        Clients.await("a send after the restart", LONG_MS, () -> lastSuccess.get() > up);
        run.detail.put("firstSendMs", (System.nanoTime() - up) / 1_000_000);
        Clients.await("50 sends after the restart", LONG_MS, () -> acknowledged.size() > before + 50);
        stop.set(true);
        sender.join();
        Clients.await("everything acknowledged to arrive", LONG_MS, () -> received.distinct.containsAll(acknowledged));
        run.detail.put("acknowledged", acknowledged.size());
        run.detail.put("failedSends", failures.get());
        run.detail.put("duplicates", received.count.get() - received.distinct.size());
        consumer.shutdown();
        producer.shutdown();
    }
}
