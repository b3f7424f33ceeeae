package ringmq.compatibility;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Ways to send, each read back by offset. */
final class SendScenarios {
    private SendScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("send-sync", SendScenarios::sync);
        all.put("send-async", SendScenarios::async);
        all.put("send-oneway", SendScenarios::oneway);
        all.put("send-batch", SendScenarios::batch);
        all.put("send-big", SendScenarios::big);
        all.put("send-properties", SendScenarios::properties);
        all.put("send-too-big", SendScenarios::tooBig);
        all.put("ordered", SendScenarios::ordered);
    }

    static Message message(String topic, String tag, String body) {
        return new Message(topic, tag, body.getBytes(StandardCharsets.UTF_8));
    }

    private static void sync(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        Set<String> ids = new HashSet<>();
        Map<Integer, Long> next = new HashMap<>();
        for (int i = 0; i < 100; i++) {
            SendResult result = producer.send(message(run.topic, "A", "sync " + i));
            run.equal(result.getSendStatus(), SendStatus.SEND_OK, "status of message " + i);
            run.check(ids.add(result.getOffsetMsgId()), "offset id given twice: " + result.getOffsetMsgId());
            int queue = result.getMessageQueue().getQueueId();
            run.equal(result.getQueueOffset(), next.getOrDefault(queue, 0L), "queue offset of message " + i);
            next.put(queue, result.getQueueOffset() + 1);
        }
        run.equal(producer.fetchPublishMessageQueues(run.topic).size(), 4, "queues of a topic made by its first send");
        producer.shutdown();
        distinct(run, Clients.readAll(run, run.topic, 100), 100);
    }

    private static void async(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        producer.send(message(run.topic, "A", "async first"));
        CountDownLatch latch = new CountDownLatch(500);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (int i = 0; i < 500; i++) {
            producer.send(message(run.topic, "A", "async " + i), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    latch.countDown();
                }

                @Override
                public void onException(Throwable thrown) {
                    failure.set(thrown);
                    latch.countDown();
                }
            });
        }
        run.check(latch.await(30, TimeUnit.SECONDS), "callbacks missing: " + latch.getCount());
        run.equal(failure.get(), null, "failure of an asynchronous send");
        producer.shutdown();
        distinct(run, Clients.readAll(run, run.topic, 501), 501);
    }

    private static void oneway(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        producer.send(message(run.topic, "A", "oneway first"));
        for (int i = 0; i < 100; i++) {
            producer.sendOneway(message(run.topic, "A", "oneway " + i));
        }
        List<MessageExt> read = Clients.readAll(run, run.topic, 101);
        producer.shutdown();
        distinct(run, read, 101);
    }

    private static void batch(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        producer.send(message(run.topic, "A", "batch first"));
        for (int b = 0; b < 5; b++) {
            List<Message> list = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                Message message = message(run.topic, i % 2 == 0 ? "even" : "odd", "batch " + b + "/" + i);
                message.setKeys("key" + i);
                list.add(message);
            }
            SendResult result = producer.send(list);
            run.equal(result.getSendStatus(), SendStatus.SEND_OK, "status of batch " + b);
            run.equal(result.getOffsetMsgId().split(",").length, 50, "offset ids of batch " + b);
        }
        producer.shutdown();
        List<MessageExt> read = Clients.readAll(run, run.topic, 251);
        distinct(run, read, 251);
        for (MessageExt message : read) {
            String body = new String(message.getBody());
            if (body.contains("/")) {
                int i = Integer.parseInt(body.substring(body.indexOf('/') + 1));
                run.equal(message.getTags(), i % 2 == 0 ? "even" : "odd", "tag of " + body);
                run.equal(message.getKeys(), "key" + i, "key of " + body);
            }
        }
    }

    private static void big(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        producer.setMaxMessageSize(4 * 1024 * 1024);
        byte[] text = new byte[1_000_000];
        Arrays.fill(text, (byte) 'x');
        byte[] noise = new byte[2_000_000];
        new Random(1).nextBytes(noise);
        Map<String, byte[]> sent = new HashMap<>();
        sent.put("text", text);
        sent.put("noise", noise);
        for (Map.Entry<String, byte[]> entry : sent.entrySet()) {
            SendResult result = producer.send(new Message(run.topic, entry.getKey(), entry.getValue()));
            run.equal(result.getSendStatus(), SendStatus.SEND_OK, "status of " + entry.getKey());
        }
        producer.shutdown();
        List<MessageExt> read = Clients.readAll(run, run.topic, 2);
        run.equal(read.size(), 2, "messages read");
        for (MessageExt message : read) {
            run.check(Arrays.equals(sent.get(message.getTags()), message.getBody()), message.getTags() + " came back changed");
            run.detail.put(message.getTags() + "StoredBytes", message.getStoreSize());
        }
        run.check((int) run.detail.get("textStoredBytes") < 100_000, "the text was stored as the client compressed it");
    }

    private static void properties(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        Message message = message(run.topic, "TagA", "properties \u00e4\u6d88\u606f");
        message.setKeys(Arrays.asList("k1", "k2"));
        message.putUserProperty("colour", "gr\u00fcn \u7eff \"quoted\" back\\slash");
        message.putUserProperty("digit", "0");
        message.setFlag(7);
        message.setBuyerId("buyer");
        SendResult result = producer.send(message);
        producer.shutdown();
        MessageExt read = Clients.readAll(run, run.topic, 1).get(0);
        run.equal(new String(read.getBody(), StandardCharsets.UTF_8), "properties \u00e4\u6d88\u606f", "body");
        run.equal(read.getTags(), "TagA", "tag");
        run.equal(read.getKeys(), "k1 k2", "keys");
        run.equal(read.getUserProperty("colour"), "gr\u00fcn \u7eff \"quoted\" back\\slash", "user property");
        run.equal(read.getFlag(), 7, "flag");
        run.equal(read.getMsgId(), result.getMsgId(), "message id");
        run.equal(read.getQueueId(), result.getMessageQueue().getQueueId(), "queue");
        run.equal(read.getProperty("UNIQ_KEY"), result.getMsgId(), "UNIQ_KEY");
        run.check(read.getBornTimestamp() > 0 && read.getStoreTimestamp() >= read.getBornTimestamp() - 5_000, "times");
        run.check(read.getBornHostString().equals("127.0.0.1"), "born host " + read.getBornHostString());
    }

    private static void tooBig(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        producer.send(message(run.topic, "A", "small"));
        producer.setMaxMessageSize(16 * 1024 * 1024);
        byte[] noise = new byte[5 * 1024 * 1024];
        new Random(2).nextBytes(noise);
        try {
            producer.send(new Message(run.topic, noise));
            run.check(false, "5 MiB were accepted");
        } catch (MQBrokerException refused) {
            run.equal(refused.getResponseCode(), 13, "code for a message over 4 MiB");
            run.detail.put("remark", refused.getErrorMessage());
        }
        run.equal(producer.send(message(run.topic, "A", "after")).getSendStatus(), SendStatus.SEND_OK, "the send after it");
        producer.shutdown();
        distinct(run, Clients.readAll(run, run.topic, 2), 2);
    }

    private static void ordered(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        for (int i = 0; i < 50; i++) {
            for (int key = 0; key < 8; key++) {
                producer.send(message(run.topic, "A", key + ":" + i),
                    (queues, message, argument) -> queues.get((Integer) argument % queues.size()), key);
            }
        }
        producer.shutdown();
        List<MessageExt> read = Clients.readAll(run, run.topic, 400);
        distinct(run, read, 400);
        Map<String, Integer> last = new HashMap<>();
        Map<String, MessageQueue> place = new HashMap<>();
        for (MessageExt message : read) {
            String[] parts = new String(message.getBody()).split(":");
            run.equal(Integer.parseInt(parts[1]), last.getOrDefault(parts[0], -1) + 1, "order within key " + parts[0]);
            last.put(parts[0], Integer.parseInt(parts[1]));
            MessageQueue queue = new MessageQueue(run.topic, message.getBrokerName(), message.getQueueId());
            MessageQueue before = place.put(parts[0], queue);
            run.check(before == null || before.getQueueId() == queue.getQueueId(), "key " + parts[0] + " is in two queues");
        }
    }

    static void distinct(Program.Run run, List<MessageExt> read, int expected) {
        Set<String> bodies = new HashSet<>();
        for (MessageExt message : read) {
            bodies.add(new String(message.getBody()));
        }
        run.equal(read.size(), expected, "messages read");
        run.equal(bodies.size(), expected, "distinct messages read");
    }
}
