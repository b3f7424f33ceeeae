package ringmq.compatibility;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.MessageExt;

/** Order within each key, whoever joins, leaves or is restarted. */
final class OrderScenarios {
    private static final long LONG_MS = 90_000;
    private static final int KEYS = 100;

    private OrderScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("orderly-restart", OrderScenarios::orderlyRestart);
    }

    /** What all consumers together have seen: the last number of each key, and who is at work on each queue. */
    private static final class Seen {
        final Map<String, Integer> last = new ConcurrentHashMap<>();
        final Map<Integer, AtomicInteger> atWork = new ConcurrentHashMap<>();
        final Set<String> faults = ConcurrentHashMap.newKeySet();
        final AtomicLong repeated = new AtomicLong();
        final AtomicLong distinct = new AtomicLong();

        void take(List<MessageExt> messages) throws InterruptedException {
            int queue = messages.get(0).getQueueId();
            AtomicInteger busy = atWork.computeIfAbsent(queue, any -> new AtomicInteger());
            if (busy.incrementAndGet() > 1) {
                faults.add("two consumers are at work on queue " + queue);
            }
            try {
                // Long enough that another that begins too early is seen.
                Thread.sleep(1);
                note(messages);
            } finally {
                busy.decrementAndGet();
            }
        }

        private void note(List<MessageExt> messages) {
            for (MessageExt message : messages) {
                String[] parts = new String(message.getBody()).split(":");
                int number = Integer.parseInt(parts[1]);
                int before = last.getOrDefault(parts[0], -1);
                if (number <= before) {
                    repeated.incrementAndGet();
                } else if (number == before + 1) {
                    last.put(parts[0], number);
                    distinct.incrementAndGet();
                } else {
                    faults.add("key " + parts[0] + ": " + number + " came after " + before);
                }
            }
        }
    }

    private static DefaultMQPushConsumer join(Program.Run run, Seen seen) throws Exception {
        DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "*");
        consumer.setPollNameServerInterval(1_000);
        consumer.setHeartbeatBrokerInterval(1_000);
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            try {
                seen.take(messages);
            } catch (InterruptedException stopped) {
                return ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
            }
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        return consumer;
    }

    private static void orderlyRestart(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        producer.setPollNameServerInterval(1_000);
        producer.send(SendScenarios.message(run.topic, "A", "makes the topic:0"), (queues, message, argument) -> queues.get(0), null);
        Seen seen = new Seen();
        AtomicBoolean stop = new AtomicBoolean();
        AtomicLong sent = new AtomicLong();
        AtomicLong failures = new AtomicLong();
        Thread sender = new Thread(() -> {
            for (int number = 0; !stop.get(); number++) {
                for (int key = 0; key < KEYS; key++) {
                    send(producer, run, key, number, failures);
                    // Never far ahead of the consumers, which would only have a backlog to work off in the end.
                    while (sent.incrementAndGet() - seen.distinct.get() > 400 && !stop.get()) {
                        sent.decrementAndGet();
                        LockSupport.parkNanos(1_000_000);
                    }
                }
            }
        });
        sender.start();
        List<DefaultMQPushConsumer> consumers = new ArrayList<>();
        consumers.add(join(run, seen));
        consumers.add(join(run, seen));
        Clients.await("300 messages", LONG_MS, () -> seen.distinct.get() > 300);
        consumers.add(join(run, seen));
        consumers.add(join(run, seen));
        more(run, seen, 300, "with four consumers");
        run.askFor("restart");
        more(run, seen, 300, "after a restart");
        consumers.remove(0).shutdown();
        more(run, seen, 300, "when one has left");
        run.askFor("kill");
        consumers.add(join(run, seen));
        more(run, seen, 300, "after a kill");
        // The broker may be gone before it has kept what this one gives back.
        DefaultMQPushConsumer leaving = consumers.remove(0);
        Thread goodbye = new Thread(leaving::shutdown);
        goodbye.start();
        run.askFor("kill");
        goodbye.join();
        more(run, seen, 1_000, "when one has left with a kill");
        consumers.remove(0).shutdown();
        stop.set(true);
        sender.join();
        run.detail.put("the rest",
            Clients.await("everything that was acknowledged", LONG_MS, () -> seen.distinct.get() >= sent.get() + 1));
        run.detail.put("messages", seen.distinct.get());
        run.detail.put("repeated", seen.repeated.get());
        run.detail.put("failedSends", failures.get());
        run.equal(seen.faults.toString(), "[]", "faults");
        run.equal(seen.distinct.get(), sent.get() + 1, "messages");
        for (DefaultMQPushConsumer consumer : consumers) {
            consumer.shutdown();
        }
        producer.shutdown();
    }

    private static void more(Program.Run run, Seen seen, int messages, String what) throws Exception {
        long from = seen.distinct.get();
        run.detail.put(what, Clients.await(messages + " more messages " + what, LONG_MS, () -> seen.distinct.get() > from + messages));
    }

    /** Until it is acknowledged: the next of its key must not overtake it. */
    private static void send(DefaultMQProducer producer, Program.Run run, int key, int number, AtomicLong failures) {
        for (;;) {
            try {
                SendStatus status = producer.send(SendScenarios.message(run.topic, "A", "k" + key + ":" + number),
                    (queues, message, argument) -> {
                        if (queues.size() != 4) {
                            throw new IllegalStateException("the route has " + queues.size() + " queues");
                        }
                        return queues.get((Integer) argument % 4);
                    }, key, 2_000).getSendStatus();
                if (status == SendStatus.SEND_OK) {
                    return;
                }
            } catch (Exception refused) {
                failures.incrementAndGet();
                try {
                    Thread.sleep(20);
                } catch (InterruptedException end) {
                    return;
                }
            }
        }
    }
}
