package ringmq.compatibility;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Transactions. The broker asks early and often what became of them: after a second, each second. */
final class TransactionScenarios {
    private static final long LONG_MS = 60_000;
    private static final int MESSAGES = 1000;
    private static final String GIVEN_UP_TOPIC = "TRANS_CHECK_MAX_TIME_TOPIC";
    private static final AtomicInteger NEXT = new AtomicInteger();

    private TransactionScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("transaction", TransactionScenarios::transaction);
        all.put("transaction-check", TransactionScenarios::check);
        all.put("transaction-killed", TransactionScenarios::kill);
        all.put("transaction-resumed", TransactionScenarios::resume);
    }

    /** What an application decides: by the body, and only for what it was told that the broker has. */
    private static final class Listener implements TransactionListener {
        final Map<String, LocalTransactionState> outcomes = new ConcurrentHashMap<>();
        final AtomicInteger checks = new AtomicInteger();
        /** What it says at once. */
        volatile boolean isSilent;

        static LocalTransactionState outcomeOf(Message message) {
            int number = Integer.parseInt(new String(message.getBody()));
            return number % 2 == 0 ? LocalTransactionState.COMMIT_MESSAGE : LocalTransactionState.ROLLBACK_MESSAGE;
        }

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
            outcomes.put(message.getTransactionId(), outcomeOf(message));
            int number = Integer.parseInt(new String(message.getBody()));
            return isSilent || number % 4 >= 2 ? LocalTransactionState.UNKNOW : outcomeOf(message);
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            checks.incrementAndGet();
            // A half message whose sender never heard of it: its transaction did not take place.
            return outcomes.getOrDefault(message.getTransactionId(), LocalTransactionState.ROLLBACK_MESSAGE);
        }
    }

    private static TransactionMQProducer producer(Program.Run run, TransactionListener listener) throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer("P_" + run.group);
        producer.setNamesrvAddr(run.nameServer);
        producer.setInstanceName("transactions-" + NEXT.incrementAndGet());
        producer.setSendMsgTimeout(3_000);
        // What is sent again is another half message of the same name.
        producer.setRetryTimesWhenSendFailed(0);
        producer.setTransactionListener(listener);
        producer.start();
        return producer;
    }

    /** Sends numbered messages until the broker has each; gives those that are to be seen. */
    private static Set<String> send(Program.Run run, TransactionMQProducer producer, int from, int to) throws Exception {
        Set<String> committed = new TreeSet<>();
        for (int i = from; i < to; i++) {
            Message message = SendScenarios.message(run.topic, "A", String.valueOf(i));
            long begin = System.nanoTime();
            for (boolean isSent = false; !isSent;) {
                try {
                    producer.sendMessageInTransaction(new Message(run.topic, "A", message.getBody()), null);
                    isSent = true;
                } catch (Exception refused) {
                    run.check(System.nanoTime() - begin < LONG_MS * 1_000_000, "the broker is not there again: " + refused);
                    Thread.sleep(50);
                }
            }
            if (Listener.outcomeOf(message) == LocalTransactionState.COMMIT_MESSAGE) {
                committed.add(String.valueOf(i));
            }
        }
        return committed;
    }

    /** All that was committed is there, once, and nothing else. */
    private static void exactly(Program.Run run, Set<String> committed) throws Exception {
        // A producer makes itself known to a broker that was started again half a minute later.
        Clients.await(committed.size() + " messages", LONG_MS, () -> {
            Thread.sleep(500);
            return Clients.readAll(run, run.topic, 0).size() >= committed.size();
        });
        Thread.sleep(3_000);
        List<MessageExt> read = Clients.readAll(run, run.topic, committed.size());
        Map<String, Integer> seen = new HashMap<>();
        for (MessageExt message : read) {
            seen.merge(new String(message.getBody()), 1, Integer::sum);
        }
        run.equal(new TreeSet<>(seen.keySet()), committed, "what is seen");
        run.equal(read.size(), committed.size(), "deliveries");
    }

    private static void transaction(Program.Run run) throws Exception {
        Listener listener = new Listener();
        TransactionMQProducer producer = producer(run, listener);
        exactly(run, send(run, producer, 0, 200));
        run.detail.put("checks", listener.checks.get());
        run.check(listener.checks.get() >= 100, "half of the messages were to be asked about");
        producer.shutdown();
    }

    /** The sender goes without a word; another member of its group knows. */
    private static void check(Program.Run run) throws Exception {
        Listener listener = new Listener();
        listener.isSilent = true;
        TransactionMQProducer other = producer(run, listener);
        // A producer makes itself known a second after its start, where its topics are by then.
        Set<String> committed = new TreeSet<>(send(run, other, 0, 1));
        TransactionMQProducer sender = producer(run, listener);
        committed.addAll(send(run, sender, 1, 20));
        sender.shutdown();
        exactly(run, committed);
        run.detail.put("checks", listener.checks.get());
        other.shutdown();
    }

    /** Nobody knows, until the broker has given up; the stock tool's API has it ask once more. */
    private static void resume(Program.Run run) throws Exception {
        DefaultMQAdminExt admin = SettingsScenarios.admin(run);
        String address = SettingsScenarios.address(admin);
        String before = admin.getBrokerConfig(address).getProperty("transactionCheckMax");
        AtomicInteger checks = new AtomicInteger();
        AtomicBoolean isKnown = new AtomicBoolean();
        TransactionMQProducer producer = producer(run, new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                return LocalTransactionState.UNKNOW;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                checks.incrementAndGet();
                return isKnown.get() ? Listener.outcomeOf(message) : LocalTransactionState.UNKNOW;
            }
        });
        try {
            SettingsScenarios.set(admin, address, "transactionCheckMax", "2");
            Set<String> committed = new TreeSet<>(send(run, producer, 0, 6));
            List<MessageExt> kept = new ArrayList<>();
            Clients.await("all are given up", LONG_MS, () -> {
                Thread.sleep(200);
                kept.clear();
                try {
                    for (MessageExt message : Clients.readAll(run, GIVEN_UP_TOPIC, 0)) {
                        if (run.topic.equals(message.getProperty(MessageConst.PROPERTY_REAL_TOPIC))) {
                            kept.add(message);
                        }
                    }
                } catch (MQClientException absent) {
                    // A broker may make the topic with the first that it gives up.
                    return false;
                }
                return kept.size() >= 6;
            });
            run.equal(kept.size(), 6, "messages given up");
            // A producer that has not made itself known in time is not asked; the time counts.
            run.detail.put("until given up", checks.get());
            run.check(checks.get() <= 12, checks.get() + " questions about six messages, at most two about each");
            run.equal(Clients.readAll(run, run.topic, 0).size(), 0, "messages seen of what nobody knows");
            isKnown.set(true);
            for (MessageExt message : kept) {
                // The id that the producer has, or the one that tells the place.
                boolean isOwn = Integer.parseInt(new String(message.getBody())) < 3;
                String id = isOwn ? message.getMsgId() : ((MessageClientExt) message).getOffsetMsgId();
                run.check(admin.resumeCheckHalfMessage(GIVEN_UP_TOPIC, id), "resumed by " + id);
            }
            exactly(run, committed);
            run.detail.put("checks", checks.get());
        } finally {
            SettingsScenarios.set(admin, address, "transactionCheckMax", before);
            producer.shutdown();
            admin.shutdown();
        }
    }

    private static void kill(Program.Run run) throws Exception {
        Listener listener = new Listener();
        TransactionMQProducer producer = producer(run, listener);
        Set<String> committed = new TreeSet<>(send(run, producer, 0, MESSAGES / 4));
        Thread killer = new Thread(() -> {
            try {
                run.askFor("kill");
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        killer.start();
        committed.addAll(send(run, producer, MESSAGES / 4, MESSAGES * 3 / 4));
        killer.join();
        run.askFor("kill");
        committed.addAll(send(run, producer, MESSAGES * 3 / 4, MESSAGES));
        exactly(run, committed);
        run.detail.put("checks", listener.checks.get());
        producer.shutdown();
    }
}
