package ringmq.compatibility;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Clients set up the way the scenarios want them; nothing in the client itself is changed. */
final class Clients {
    private static final AtomicInteger NEXT = new AtomicInteger();

    private Clients() {
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    /** Waits for a condition and gives the milliseconds it took. */
    static long await(String what, long timeoutMs, Condition condition) throws Exception {
        long begin = System.nanoTime();
        while (!condition.holds()) {
            if (System.nanoTime() - begin > timeoutMs * 1_000_000) {
                throw new AssertionError("after " + timeoutMs + " ms still not: " + what);
            }
            Thread.sleep(5);
        }
        return (System.nanoTime() - begin) / 1_000_000;
    }

    static DefaultMQProducer producer(Program.Run run) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("P_" + run.group);
        producer.setNamesrvAddr(run.nameServer);
        producer.setInstanceName("producer-" + NEXT.incrementAndGet());
        producer.setSendMsgTimeout(10_000);
        producer.start();
        return producer;
    }

    static DefaultMQPullConsumer puller(Program.Run run, String group) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(group);
        consumer.setNamesrvAddr(run.nameServer);
        consumer.setInstanceName("puller-" + NEXT.incrementAndGet());
        consumer.start();
        return consumer;
    }

    /** Every message of a topic, queue by queue in order of its offsets. */
    static List<MessageExt> readAll(Program.Run run, String topic, int expected) throws Exception {
        DefaultMQPullConsumer consumer = puller(run, run.group + "_reader");
        try {
            List<MessageExt> all = new ArrayList<>();
            Set<MessageQueue> queues = consumer.fetchSubscribeMessageQueues(topic);
            await(expected + " messages in " + topic, 15_000, () -> {
                long stored = 0;
                for (MessageQueue queue : queues) {
                    stored += consumer.maxOffset(queue) - consumer.minOffset(queue);
                }
                return stored >= expected;
            });
            for (MessageQueue queue : queues) {
                long offset = consumer.minOffset(queue);
                long end = consumer.maxOffset(queue);
                while (offset < end) {
                    PullResult result = consumer.pull(queue, "*", offset, 32);
                    if (result.getMsgFoundList() != null) {
                        all.addAll(result.getMsgFoundList());
                    }
                    if (result.getNextBeginOffset() <= offset) {
                        throw new AssertionError("pull at " + offset + " of " + queue + " stands still: " + result);
                    }
                    offset = result.getNextBeginOffset();
                }
            }
            return all;
        } finally {
            consumer.shutdown();
        }
    }

    /** What a push consumer received. */
    static class Received {
        final ConcurrentLinkedQueue<MessageExt> messages = new ConcurrentLinkedQueue<>();
        final Set<String> distinct = ConcurrentHashMap.newKeySet();
        final AtomicInteger count = new AtomicInteger();

        void take(List<MessageExt> list) {
            for (MessageExt message : list) {
                messages.add(message);
                distinct.add(new String(message.getBody()));
                count.incrementAndGet();
            }
        }
    }

    static DefaultMQPushConsumer unstarted(Program.Run run, String group, String topic, String expression) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
        consumer.setNamesrvAddr(run.nameServer);
        consumer.setInstanceName("consumer-" + NEXT.incrementAndGet());
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, expression);
        return consumer;
    }

    static DefaultMQPushConsumer push(Program.Run run, String group, String topic, String expression, Received received)
        throws Exception {
        DefaultMQPushConsumer consumer = unstarted(run, group, topic, expression);
        listen(consumer, received);
        consumer.start();
        return consumer;
    }

    static void listen(DefaultMQPushConsumer consumer, Received received) {
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            received.take(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
    }

    /** The enum moved to another package in 5.0, hence by reflection. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    static void broadcasting(DefaultMQPushConsumer consumer) throws Exception {
        for (Method method : DefaultMQPushConsumer.class.getMethods()) {
            if (method.getName().equals("setMessageModel")) {
                method.invoke(consumer, Enum.valueOf((Class) method.getParameterTypes()[0], "BROADCASTING"));
                return;
            }
        }
        throw new AssertionError("DefaultMQPushConsumer has no setMessageModel");
    }

    /** Queues of the topic that a consumer holds now. */
    static int queuesOf(DefaultMQPushConsumer consumer, String topic) {
        int held = 0;
        for (MessageQueue queue : consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()) {
            if (queue.getTopic().equals(topic)) {
                held++;
            }
        }
        return held;
    }
}
