package ringmq.compatibility;

import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.MessageQueue;

/** Two brokers behind two name servers, which the program that started this one kills and starts again. */
final class ClusterScenarios {
    private static final long LONG_MS = 60_000;
    private static final String DEAD = "broker-b";

    private ClusterScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("two-brokers", ClusterScenarios::twoBrokers);
        all.put("spread", ClusterScenarios::spread);
    }

    /** What was acknowledged, and by which queues. */
    private static final class Sent {
        final Set<String> bodies = new LinkedHashSet<>();
        final Set<String> onDead = new HashSet<>();
        Map<String, Integer> used = new TreeMap<>();
        int failed;

        void send(Program.Run run, DefaultMQProducer producer, String word, int count) throws Exception {
            int i = 0;
            while (i < count) {
                String body = word + " " + i;
                try {
                    SendResult result = producer.send(SendScenarios.message(run.topic, "A", body));
                    run.equal(result.getSendStatus(), SendStatus.SEND_OK, body);
                    MessageQueue queue = result.getMessageQueue();
                    used.merge(queue.getBrokerName() + "/" + queue.getQueueId(), 1, Integer::sum);
                    bodies.add(body);
                    if (queue.getBrokerName().equals(DEAD)) {
                        onDead.add(body);
                    }
                    i++;
                } catch (Exception unanswered) {
                    run.check(++failed < 100, "sends fail for good: " + unanswered);
                    Thread.sleep(50);
                }
            }
        }
    }

    /** Two brokers, of whatever make, behind one name server: all queues are sent to and read. */
    private static void spread(Program.Run run) throws Exception {
        run.askFor("topics " + run.topic);
        DefaultMQProducer producer = Clients.producer(run);
        Sent sent = new Sent();
        sent.send(run, producer, "spread", 60);
        run.equal(sent.used.size(), 6, "queues of both brokers that were used");
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        all(run, received, sent.bodies, "all messages of both");
        run.equal(received.count.get(), 60, "deliveries");
        run.equal(sent.failed, 0, "sends that failed");
        consumer.shutdown();
        producer.shutdown();
    }

    private static void twoBrokers(Program.Run run) throws Exception {
        run.askFor("topics " + run.topic);
        DefaultMQProducer producer = new DefaultMQProducer("P_" + run.group);
        producer.setNamesrvAddr(run.nameServer);
        producer.setInstanceName("cluster-producer");
        // Half a minute each by default.
        producer.setPollNameServerInterval(500);
        producer.setHeartbeatBrokerInterval(1_000);
        producer.start();
        Sent sent = new Sent();
        sent.send(run, producer, "first", 60);
        run.equal(sent.used.size(), 6, "queues of both brokers that were used");
        run.equal(new HashSet<>(sent.used.values()), "[10]", "each alike");
        run.askFor("kill broker-b");
        sent.send(run, producer, "without-b", 20);
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "*");
        consumer.setPollNameServerInterval(500);
        consumer.setHeartbeatBrokerInterval(1_000);
        Clients.listen(consumer, received);
        consumer.start();
        Set<String> reachable = new HashSet<>(sent.bodies);
        reachable.removeAll(sent.onDead);
        all(run, received, reachable, "what the living broker has");
        run.equal(received.distinct.size(), reachable.size(), "nothing of the dead one yet");
        run.askFor("start broker-b");
        run.detail.put("backAfterMs", all(run, received, sent.bodies, "what had waited for the dead broker, too"));
        run.askFor("kill names-1");
        sent.send(run, producer, "without-names", 20);
        all(run, received, sent.bodies, "a cluster with one name server");
        run.askFor("start names-1");
        run.askFor("kill names-2");
        sent.used = new TreeMap<>();
        // The client may have asked it when it knew one broker only.
        for (int round = 0; sent.used.size() < 6 && round < 2_000; round++) {
            sent.send(run, producer, "restarted-names-" + round, 6);
        }
        run.equal(sent.used.size(), 6, "queues that are used again");
        all(run, received, sent.bodies, "a name server that came back empty");
        run.detail.put("failedSends", sent.failed);
        run.detail.put("duplicates", received.count.get() - received.distinct.size());
        consumer.shutdown();
        producer.shutdown();
    }

    private static long all(Program.Run run, Clients.Received received, Set<String> expected, String what) throws Exception {
        return Clients.await(what, LONG_MS, () -> received.distinct.containsAll(expected));
    }
}
