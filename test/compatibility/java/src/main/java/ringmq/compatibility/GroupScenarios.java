package ringmq.compatibility;

import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/** What the stock tools do with groups that a stock consumer is a member of, or was. */
final class GroupScenarios {
    private static final long LONG_MS = 90_000;
    private static final int MESSAGES = 40;
    private static final AtomicInteger NEXT = new AtomicInteger();

    private GroupScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("reset-online", GroupScenarios::resetOnline);
        all.put("reset-offline", GroupScenarios::resetOffline);
        all.put("skip-accumulated", GroupScenarios::skipAccumulated);
        all.put("ask-client", GroupScenarios::askClient);
        all.put("pause-group", GroupScenarios::pauseGroup);
        all.put("group-figures", GroupScenarios::groupFigures);
        all.put("clone-offset", GroupScenarios::cloneOffset);
    }

    private static DefaultMQAdminExt admin(Program.Run run) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt();
        admin.setNamesrvAddr(run.nameServer);
        admin.setInstanceName("admin-" + NEXT.incrementAndGet() + "-" + run.topic);
        admin.start();
        return admin;
    }

    private static String brokerAddress(DefaultMQAdminExt admin) throws Exception {
        return admin.examineBrokerClusterInfo().getBrokerAddrTable().values().iterator().next().getBrokerAddrs().get(0L);
    }

    private static SendResult send(Program.Run run, int from, int to) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        SendResult last = null;
        for (int i = from; i < to; i++) {
            last = producer.send(SendScenarios.message(run.topic, "A", "message " + i));
        }
        producer.shutdown();
        return last;
    }

    private static Clients.Received consumed(Program.Run run, int expected) throws Exception {
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        Clients.await(expected + " messages", LONG_MS, () -> received.distinct.size() == expected);
        // A message counts as received a moment before it counts as consumed: an end just then would leave it uncommitted.
        DefaultMQAdminExt admin = admin(run);
        Clients.await("all of them committed", LONG_MS, () -> diff(admin, run) == 0);
        admin.shutdown();
        consumer.shutdown();
        return received;
    }

    private static long diff(DefaultMQAdminExt admin, Program.Run run) throws Exception {
        return admin.examineConsumeStats(run.group, run.topic).computeTotalDiff();
    }

    /** Everything comes a second time to a consumer that goes on running. */
    private static void resetOnline(Program.Run run) throws Exception {
        send(run, 0, MESSAGES);
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        Clients.await("all messages", LONG_MS, () -> received.distinct.size() == MESSAGES);
        DefaultMQAdminExt admin = admin(run);
        Clients.await("no message left", LONG_MS, () -> diff(admin, run) == 0);
        int before = received.count.get();
        long begin = System.nanoTime();
        run.check(!admin.resetOffsetByTimestamp(run.topic, run.group, 0, true).isEmpty(), "no queue was reset");
        Clients.await("all messages once more", LONG_MS, () -> received.count.get() >= before + MESSAGES);
        run.detail.put("againAfterMs", (System.nanoTime() - begin) / 1_000_000);
        Clients.await("no message left again", LONG_MS, () -> diff(admin, run) == 0);
        send(run, MESSAGES, MESSAGES + 5);
        Clients.await("new messages", LONG_MS, () -> received.distinct.size() == MESSAGES + 5);
        consumer.shutdown();
        admin.shutdown();
    }

    private static void resetOffline(Program.Run run) throws Exception {
        send(run, 0, MESSAGES);
        consumed(run, MESSAGES);
        DefaultMQAdminExt admin = admin(run);
        Clients.await("an orderly end's commits", LONG_MS, () -> diff(admin, run) == 0);
        MQAdminStartup.main0(new String[] {"resetOffsetByTime", "-n", run.nameServer, "-g", run.group, "-t", run.topic, "-s", "0"}, null);
        run.equal(diff(admin, run), MESSAGES, "messages that wait after the reset");
        run.equal(consumed(run, MESSAGES).count.get(), MESSAGES, "messages that came again");
        admin.shutdown();
    }

    private static void skipAccumulated(Program.Run run) throws Exception {
        send(run, 0, 5);
        consumed(run, 5);
        send(run, 5, MESSAGES);
        DefaultMQAdminExt admin = admin(run);
        Clients.await("a backlog", LONG_MS, () -> diff(admin, run) == MESSAGES - 5);
        MQAdminStartup.main0(new String[] {"skipAccumulatedMessage", "-n", run.nameServer, "-g", run.group, "-t", run.topic}, null);
        run.equal(diff(admin, run), 0L, "messages that wait after the skip");
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        // Its queues are told once where to go on; that takes it some seconds.
        send(run, MESSAGES, MESSAGES + 3);
        Clients.await("what came after the skip", LONG_MS, () -> received.distinct.size() == 3);
        consumer.shutdown();
        admin.shutdown();
    }

    /** The broker asks the client over its own connection. */
    private static void askClient(Program.Run run) throws Exception {
        SendResult sent = send(run, 0, 5);
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        Clients.await("all messages", LONG_MS, () -> received.distinct.size() == 5);
        DefaultMQAdminExt admin = admin(run);
        String client = admin.examineConsumerConnectionInfo(run.group).getConnectionSet().iterator().next().getClientId();
        String stack = admin.getConsumerRunningInfo(run.group, client, true).getJstack();
        run.check(stack != null && stack.contains("TID"), "no stack traces");
        run.detail.put("stackChars", stack.length());
        run.check(!admin.getConsumerRunningInfo(run.group, client, false).getMqTable().isEmpty(), "no queues");
        run.equal(admin.consumeMessageDirectly(run.group, client, run.topic, sent.getOffsetMsgId()).getConsumeResult(), "CR_SUCCESS",
            "consumed directly");
        run.equal(received.count.get(), 6, "messages with the one that was pushed");
        run.check(admin.getConsumeStatus(run.topic, run.group, "").containsKey(client), "the client does not say where it is");
        consumer.shutdown();
        boolean refused = false;
        try {
            admin.getConsumerRunningInfo(run.group, client, false);
        } catch (Exception offline) {
            refused = true;
        }
        run.check(refused, "a client that has gone was asked");
        admin.shutdown();
    }

    private static void pauseGroup(Program.Run run) throws Exception {
        send(run, 0, 5);
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.push(run, run.group, run.topic, "*", received);
        Clients.await("all messages", LONG_MS, () -> received.distinct.size() == 5);
        DefaultMQAdminExt admin = admin(run);
        String address = brokerAddress(admin);
        MQAdminStartup.main0(new String[] {"updateSubGroup", "-n", run.nameServer, "-b", address, "-g", run.group, "-s", "false"}, null);
        send(run, 5, 85);
        Thread.sleep(4_000);
        run.equal(received.distinct.size(), 5, "messages while paused, pulls that were held included");
        MQAdminStartup.main0(new String[] {"updateSubGroup", "-n", run.nameServer, "-b", address, "-g", run.group, "-s", "true"}, null);
        Clients.await("all messages after the pause", LONG_MS, () -> received.distinct.size() == 85);
        consumer.shutdown();
        admin.shutdown();
    }

    private static void groupFigures(Program.Run run) throws Exception {
        send(run, 0, MESSAGES);
        consumed(run, MESSAGES);
        send(run, MESSAGES, MESSAGES + 7);
        DefaultMQAdminExt admin = admin(run);
        Clients.await("seven messages to wait", LONG_MS, () -> diff(admin, run) == 7);
        Clients.await("the group among those of the topic", LONG_MS,
            () -> admin.queryTopicConsumeByWho(run.topic).getGroupList().contains(run.group));
        String address = brokerAddress(admin);
        Clients.await("the group among all groups", LONG_MS, () -> {
            for (Map<String, ?> one : admin.fetchConsumeStatsInBroker(address, false, 5_000).getConsumeStatsList()) {
                if (one.containsKey(run.group)) {
                    return one.get(run.group).toString().length() > 2;
                }
            }
            return false;
        });
        run.check(admin.fetchConsumeStatsInBroker(address, false, 5_000).getTotalDiff() >= 7, "the sum of all groups");
        DefaultMQProducer producer = Clients.producer(run);
        producer.send(SendScenarios.message(run.topic, "A", "last"));
        // A 4.9 producer says so with its next heartbeat, up to 30 s later.
        Clients.await("the producer to be listed", LONG_MS,
            () -> admin.getAllProducerInfo(address).getData().containsKey(producer.getProducerGroup()));
        run.equal(admin.examineProducerConnectionInfo(producer.getProducerGroup(), run.topic).getConnectionSet().size(), 1, "its connections");
        producer.shutdown();
        admin.shutdown();
    }

    private static void cloneOffset(Program.Run run) throws Exception {
        send(run, 0, MESSAGES);
        consumed(run, MESSAGES);
        send(run, MESSAGES, MESSAGES + 9);
        DefaultMQAdminExt admin = admin(run);
        String address = brokerAddress(admin);
        String other = run.group + "_clone";
        MQAdminStartup.main0(new String[] {"updateSubGroup", "-n", run.nameServer, "-b", address, "-g", other}, null);
        admin.cloneGroupOffset(run.group, other, run.topic, true);
        Clients.Received received = new Clients.Received();
        DefaultMQPushConsumer consumer = Clients.push(run, other, run.topic, "*", received);
        Clients.await("what the first group has yet to consume", LONG_MS, () -> received.distinct.size() == 9);
        Thread.sleep(500);
        run.equal(received.distinct.size(), 9, "messages for the clone");
        consumer.shutdown();
        admin.shutdown();
    }
}
