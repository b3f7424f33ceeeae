package ringmq.compatibility;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Delayed messages, and consumers that fail. The broker has short delay levels: 1 s, 2 s, then 1 s and 2 s for the retries. */
final class RetryScenarios {
    private static final long LONG_MS = 90_000;

    private RetryScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("delay", RetryScenarios::delay);
        all.put("retry", RetryScenarios::retry);
        all.put("retry-orderly", RetryScenarios::retryOrderly);
        all.put("retry-restart", RetryScenarios::retryRestart);
    }

    private static void delay(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        Clients.Received received = new Clients.Received();
        producer.send(SendScenarios.message(run.topic, "A", "0"));
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "A", received);
        for (int level = 1; level <= 2; level++) {
            for (int i = 0; i < 20; i++) {
                Message message = SendScenarios.message(run.topic, "A", level + " " + i);
                message.setDelayTimeLevel(level);
                producer.send(message);
            }
        }
        Clients.await("all delayed messages", LONG_MS, () -> received.distinct.size() == 41);
        Thread.sleep(300);
        run.equal(received.count.get(), 41, "deliveries");
        long latest = 0;
        for (MessageExt message : received.messages) {
            long waited = message.getStoreTimestamp() - message.getBornTimestamp();
            int level = new String(message.getBody()).charAt(0) - '0';
            run.check(waited >= level * 1000, "level " + level + " came after " + waited + " ms");
            latest = Math.max(latest, waited - level * 1000);
        }
        run.detail.put("latestMs", latest);
        run.check(latest <= 1000, "a message came " + latest + " ms after its time");
        consumer.shutdown();
        producer.shutdown();
    }

    /** The dead letters of the group, once there are as many as expected. */
    static List<MessageExt> deadLetters(Program.Run run, int expected) throws Exception {
        String topic = "%DLQ%" + run.group;
        List<MessageExt> read = new ArrayList<>();
        Clients.await(expected + " messages in " + topic, LONG_MS, () -> {
            try {
                read.clear();
                read.addAll(Clients.readAll(run, topic, expected));
                return read.size() >= expected;
            } catch (Exception notYet) {
                // No dead letter yet: nobody knows a route of the topic.
                return false;
            }
        });
        return read;
    }

    /** Half of the messages fail for ever, the others once. */
    private static void retry(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        for (int i = 0; i < 10; i++) {
            producer.send(SendScenarios.message(run.topic, "A", (i % 2 == 0 ? "bad " : "good ") + i));
        }
        List<String> attempts = Collections.synchronizedList(new ArrayList<>());
        DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "*");
        consumer.setMaxReconsumeTimes(2);
        consumer.setPollNameServerInterval(1000);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            MessageExt message = messages.get(0);
            String body = new String(message.getBody());
            attempts.add(body + " " + message.getReconsumeTimes() + " " + message.getTopic());
            boolean fails = body.startsWith("bad") || message.getReconsumeTimes() == 0;
            return fails ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        Clients.await("every attempt", LONG_MS, () -> attempts.size() >= 25);
        List<MessageExt> dead = deadLetters(run, 5);
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
            run.check(message.getProperty("ORIGIN_MESSAGE_ID") != null, "the first message's id");
            run.equal(message.getReconsumeTimes(), 3, "attempts of a dead letter");
        }
        consumer.shutdown();
        producer.shutdown();
    }

    private static void retryOrderly(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        for (int i = 0; i < 3; i++) {
            producer.send(SendScenarios.message(run.topic, "A", "m" + i), (queues, message, argument) -> queues.get(0), null);
        }
        List<String> attempts = Collections.synchronizedList(new ArrayList<>());
        DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "*");
        consumer.setMaxReconsumeTimes(2);
        consumer.setSuspendCurrentQueueTimeMillis(100);
        consumer.setPollNameServerInterval(1000);
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            MessageExt message = messages.get(0);
            attempts.add(new String(message.getBody()));
            boolean fails = new String(message.getBody()).equals("m1");
            return fails ? ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT : ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        List<MessageExt> dead = deadLetters(run, 1);
        Clients.await("the message behind the one that fails", LONG_MS, () -> attempts.contains("m2"));
        run.equal(new String(dead.get(0).getBody()), "m1", "the dead letter");
        run.equal(attempts.toString(), "[m0, m1, m1, m1, m2]", "attempts in order");
        run.equal(dead.size(), 1, "dead letters");
        consumer.shutdown();
        producer.shutdown();
    }

    /** A consumer in a process of its own that takes messages, says so, and never finishes with them. */
    public static void main(String[] arguments) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(arguments[2]);
        consumer.setNamesrvAddr(arguments[0]);
        consumer.setInstanceName("crashes");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(arguments[1], "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            System.out.println("took");
            System.out.flush();
            LockSupport.park();
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
    }

    private static void crash(Program.Run run) throws Exception {
        String java = System.getProperty("java.home") + "/bin/java";
        String home = "-Duser.home=" + System.getProperty("user.home");
        Process member = new ProcessBuilder(java, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", home, "-cp",
            System.getProperty("java.class.path"), RetryScenarios.class.getName(), run.nameServer, run.topic, run.group)
            .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        try {
            BufferedReader lines = new BufferedReader(new InputStreamReader(member.getInputStream()));
            String line;
            do {
                line = lines.readLine();
            } while (line != null && !line.equals("took"));
            run.equal(line, "took", "what the consumer that is to crash says");
        } finally {
            member.destroyForcibly().waitFor();
        }
    }

    /** A consumer crashes with its messages, then the broker; half of the messages fail for ever, and are sent again from the dead letters. */
    private static void retryRestart(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        for (int i = 0; i < 20; i++) {
            producer.send(SendScenarios.message(run.topic, "A", (i % 2 == 0 ? "bad " : "good ") + i));
        }
        crash(run);
        Set<String> succeeded = ConcurrentHashMap.newKeySet();
        AtomicInteger failures = new AtomicInteger();
        AtomicBoolean isMended = new AtomicBoolean();
        DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "*");
        consumer.setMaxReconsumeTimes(2);
        consumer.setPollNameServerInterval(1_000);
        consumer.setHeartbeatBrokerInterval(1_000);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            String body = new String(messages.get(0).getBody());
            if (body.startsWith("bad") && !isMended.get()) {
                failures.incrementAndGet();
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
            succeeded.add(body);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        Clients.await("the first failures", LONG_MS, () -> failures.get() >= 10);
        run.askFor("kill");
        Set<String> dead = ConcurrentHashMap.newKeySet();
        List<MessageExt> letters = new ArrayList<>();
        Clients.await("all ten among the dead letters", LONG_MS, () -> {
            letters.clear();
            letters.addAll(deadLetters(run, 1));
            for (MessageExt letter : letters) {
                dead.add(new String(letter.getBody()));
            }
            return dead.size() >= 10;
        });
        Clients.await("the others to be consumed", LONG_MS, () -> succeeded.size() >= 10);
        for (int i = 0; i < 20; i++) {
            String body = (i % 2 == 0 ? "bad " : "good ") + i;
            run.check((i % 2 == 0 ? dead : succeeded).contains(body), body + " is lost");
        }
        run.detail.put("failures", failures.get());
        run.detail.put("deadLetters", letters.size());

        isMended.set(true);
        MessageExt one = letters.get(0);
        Clients.await("the member on line again", LONG_MS, () -> pushLetter(run, consumer, one));
        run.check(succeeded.contains(new String(one.getBody())), "the dead letter that a tool has pushed");
        for (MessageExt letter : letters) {
            producer.send(new Message(letter.getProperty("RETRY_TOPIC"), letter.getTags(), letter.getBody()));
        }
        Clients.await("all that were sent again", LONG_MS, () -> succeeded.size() == 20);
        consumer.shutdown();
        producer.shutdown();
    }

    /** As `mqadmin queryMsgById -g -d` does it. */
    private static boolean pushLetter(Program.Run run, DefaultMQPushConsumer consumer, MessageExt letter) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt();
        admin.setNamesrvAddr(run.nameServer);
        admin.setInstanceName("pushes-" + System.nanoTime());
        admin.start();
        try {
            String clientId = consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId();
            String id = ((MessageClientExt) letter).getOffsetMsgId();
            return admin.consumeMessageDirectly(run.group, clientId, letter.getTopic(), id).getConsumeResult().toString().equals("CR_SUCCESS");
        } catch (MQBrokerException notYet) {
            return false;
        } finally {
            admin.shutdown();
        }
    }
}
