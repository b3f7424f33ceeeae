package ringmq.compatibility;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Consumers that ask. */
final class PullScenarios {
    private PullScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("pull", PullScenarios::pull);
        all.put("lite-pull", PullScenarios::litePull);
        all.put("lite-assign", PullScenarios::liteAssign);
    }

    /** The same number to each queue: the client's own choice starts anew when it reads a route in between. */
    private static void fill(Program.Run run, int messages) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        for (int i = 0; i < messages; i++) {
            producer.send(
                SendScenarios.message(run.topic, i % 2 == 0 ? "even" : "odd", "pull " + i),
                (queues, message, number) -> queues.get((Integer) number % queues.size()),
                i);
        }
        producer.shutdown();
    }

    private static void pull(Program.Run run) throws Exception {
        fill(run, 100);
        Thread.sleep(50);
        long between = System.currentTimeMillis();
        Thread.sleep(50);
        fill(run, 100);
        DefaultMQPullConsumer consumer = Clients.puller(run, run.group);
        Set<MessageQueue> queues = consumer.fetchSubscribeMessageQueues(run.topic);
        run.equal(queues.size(), 4, "queues");
        long max = 0;
        long searched = 0;
        for (MessageQueue queue : queues) {
            run.equal(consumer.minOffset(queue), 0, "minimum offset");
            long end = consumer.maxOffset(queue);
            max += end;
            searched += consumer.searchOffset(queue, between);
            PullResult all = consumer.pull(queue, "*", 0, 32);
            run.equal(all.getPullStatus(), PullStatus.FOUND, "status at 0");
            run.equal(all.getMsgFoundList().size(), 32, "messages of a pull for 32");
            run.equal(all.getNextBeginOffset(), 32, "next offset");
            run.equal(all.getMaxOffset(), end, "maximum offset in the answer");
            run.equal(consumer.pull(queue, "*", end, 32).getPullStatus(), PullStatus.NO_NEW_MSG, "status at the end");
            run.equal(consumer.pull(queue, "none", 0, 32).getPullStatus(), PullStatus.NO_MATCHED_MSG, "status without a match");
            PullResult beyond = consumer.pull(queue, "*", end + 100, 32);
            run.equal(beyond.getPullStatus(), PullStatus.OFFSET_ILLEGAL, "status beyond the end");
            run.equal(beyond.getNextBeginOffset(), end, "corrected offset");
            consumer.getOffsetStore().updateConsumeOffsetToBroker(queue, 7, false);
        }
        run.equal(max, 200, "sum of the maximum offsets");
        // 4.9 brokers answer with the nearest message, which may be the one before.
        run.check(searched >= 96 && searched <= 104, "search by time found " + searched + ", expected about 100");
        for (MessageQueue queue : queues) {
            Clients.await("the committed offset", 5_000, () -> consumer.fetchConsumeOffset(queue, true) == 7);
        }
        consumer.shutdown();
    }

    private static void litePull(Program.Run run) throws Exception {
        fill(run, 150);
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(run.group);
        consumer.setNamesrvAddr(run.nameServer);
        consumer.setInstanceName("lite-" + run.group);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(run.topic, "even");
        consumer.start();
        Set<String> got = new HashSet<>();
        Clients.await("75 even messages", 60_000, () -> {
            take(consumer.poll(500), got);
            return got.size() >= 75;
        });
        run.equal(got.size(), 75, "messages");
        consumer.shutdown();
    }

    private static void liteAssign(Program.Run run) throws Exception {
        fill(run, 80);
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(run.group);
        consumer.setNamesrvAddr(run.nameServer);
        consumer.setInstanceName("assign-" + run.group);
        consumer.setAutoCommit(false);
        consumer.start();
        Collection<MessageQueue> queues = consumer.fetchMessageQueues(run.topic);
        MessageQueue queue = queues.iterator().next();
        consumer.assign(Collections.singletonList(queue));
        Set<String> got = new HashSet<>();
        // The client starts to pull an assigned queue on a thread of its own; a seek that comes while it does so can be lost.
        long[] seekAt = {0};
        Clients.await("15 messages of one queue", 60_000, () -> {
            if (System.currentTimeMillis() >= seekAt[0]) {
                consumer.seek(queue, 5);
                seekAt[0] = System.currentTimeMillis() + 10_000;
            }
            List<MessageExt> messages = new ArrayList<>(consumer.poll(500));
            messages.removeIf(message -> message.getQueueOffset() < 5);
            take(messages, got);
            return got.size() >= 15;
        });
        run.equal(got.size(), 15, "messages from offset 5 of 20");
        consumer.shutdown();
    }

    private static void take(List<MessageExt> messages, Set<String> into) {
        for (MessageExt message : messages) {
            into.add(new String(message.getBody()));
        }
    }
}
