package ringmq.compatibility;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Consumers whose broker looks at the properties of messages. */
final class FilterScenarios {
    private static final String EXPRESSION = "n BETWEEN 10 AND 29 AND (color = 'red' OR color IS NULL) AND TAGS IN ('A', 'B')";

    private FilterScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("sql-filter", FilterScenarios::sqlFilter);
        all.put("filter-plugin", FilterScenarios::filterPlugin);
    }

    /** Of 100 numbers those that the expression lets through: 10…29 of the colours red and none, but not those of tag C. */
    private static int fill(DefaultMQProducer producer, String topic) throws Exception {
        int passing = 0;
        String[] colors = {"red", "blue", null};
        for (int i = 0; i < 100; i++) {
            String tag = i % 5 == 0 ? "C" : i % 2 == 0 ? "A" : "B";
            Message message = SendScenarios.message(topic, tag, "number " + i);
            message.putUserProperty("n", String.valueOf(i));
            String color = colors[i % 3];
            if (color != null) {
                message.putUserProperty("color", color);
            }
            producer.send(message);
            if (i >= 10 && i <= 29 && i % 3 != 1 && i % 5 != 0) {
                passing++;
            }
        }
        return passing;
    }

    /** Each queue gets even and odd ones: those that have come then show that the others beside them were looked at, too. */
    private static void number(DefaultMQProducer producer, String topic, int n) throws Exception {
        Message message = SendScenarios.message(topic, "A", "number " + n);
        message.putUserProperty("n", String.valueOf(n));
        producer.send(message, (queues, sent, pair) -> queues.get((Integer) pair % queues.size()), n / 2);
    }

    /** A topic bound to a filter plugin by the admin tool; the plugin's file is replaced while messages flow. */
    private static void filterPlugin(Program.Run run) throws Exception {
        String plugin = "numbers_" + Math.abs(run.topic.hashCode());
        run.askFor("plugin " + plugin + " even");
        run.askFor("bind " + run.topic + " " + plugin);
        DefaultMQProducer producer = Clients.producer(run);
        for (int n = 0; n < 100; n++) {
            number(producer, run.topic, n);
        }
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        ConsumeScenarios.exactly(run, received, 50, "the plugin");

        AtomicInteger sent = new AtomicInteger(100);
        AtomicBoolean isOver = new AtomicBoolean();
        AtomicReference<Exception> fault = new AtomicReference<>();
        Thread sender = new Thread(() -> {
            try {
                while (!isOver.get()) {
                    number(producer, run.topic, sent.getAndIncrement());
                }
            } catch (Exception thrown) {
                fault.set(thrown);
            }
        });
        sender.start();
        Clients.await("sends with the first version", 20_000, () -> sent.get() > 300);
        run.askFor("plugin " + plugin + " all");
        int replaced = sent.get();
        Clients.await("sends with the second version", 20_000, () -> sent.get() > replaced + 200);
        isOver.set(true);
        sender.join();
        run.check(fault.get() == null, "a send failed: " + fault.get());

        Set<Integer> wanted = new HashSet<>();
        for (int n = 0; n < sent.get(); n++) {
            // What was sent when the second version served passes; before that the odd numbers may or may not.
            if (n % 2 == 0 || n > replaced) {
                wanted.add(n);
            }
        }
        Set<Integer> got = ConcurrentHashMap.newKeySet();
        Clients.await("all that pass", 30_000, () -> {
            for (MessageExt message : received.messages) {
                got.add(Integer.parseInt(message.getUserProperty("n")));
            }
            return got.containsAll(wanted);
        });
        Thread.sleep(300);
        run.equal(received.count.get(), received.distinct.size(), "deliveries of each");
        long early = got.stream().filter(n -> n % 2 == 1 && n < 100).count();
        run.equal(early, 0, "odd numbers before the second version");
        run.detail.put("sent", sent.get());
        run.detail.put("received", got.size());
        consumer.shutdown();
        producer.shutdown();
    }

    private static void sqlFilter(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        int passing = fill(producer, run.topic);
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "*");
        consumer.subscribe(run.topic, MessageSelector.bySql(EXPRESSION));
        Clients.listen(consumer, received);
        consumer.start();
        ConsumeScenarios.exactly(run, received, passing, "the expression");
        // The next ones come to pulls that are held.
        int before = received.count.get();
        fill(producer, run.topic);
        Clients.await("as many again", 20_000, () -> received.count.get() == 2 * before);
        for (MessageExt message : received.messages) {
            int n = Integer.parseInt(message.getUserProperty("n"));
            run.check(n >= 10 && n <= 29, "n = " + n);
        }
        consumer.shutdown();

        DefaultLitePullConsumer lite = new DefaultLitePullConsumer(run.group + "_lite");
        lite.setNamesrvAddr(run.nameServer);
        lite.setInstanceName("lite-sql");
        lite.setConsumeFromWhere(consumer.getConsumeFromWhere());
        lite.subscribe(run.topic, MessageSelector.bySql(EXPRESSION));
        lite.start();
        int[] polled = {0};
        int wanted = 2 * passing;
        Clients.await("all by a lite pull consumer", 30_000, () -> {
            polled[0] += lite.poll(200).size();
            return polled[0] >= wanted;
        });
        run.equal(polled[0], wanted, "messages of a lite pull consumer");
        lite.shutdown();

        DefaultMQPushConsumer wrong = Clients.unstarted(run, run.group + "_wrong", run.topic, "*");
        wrong.subscribe(run.topic, MessageSelector.bySql("n BETWEEN 10 AND"));
        Clients.listen(wrong, new Clients.Received());
        try {
            wrong.start();
            run.check(false, "a consumer with a wrong expression started");
        } catch (MQClientException refused) {
            run.detail.put("refusal", String.valueOf(refused.getMessage()).replaceAll("\\s+", " "));
            run.check(String.valueOf(refused.getMessage()).contains("23"), "refused with " + refused.getMessage());
        } finally {
            wrong.shutdown();
        }
        producer.shutdown();
    }
}
