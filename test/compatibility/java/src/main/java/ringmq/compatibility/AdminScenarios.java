package ringmq.compatibility;

import java.util.Map;
import java.util.Set;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.command.MQAdminStartup;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Topics made by the stock tools of the same release; these exit with 0 whatever happens, so the route is judged. */
final class AdminScenarios {
    private AdminScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("update-topic-broker", run -> updateTopic(run, false));
        all.put("update-topic-cluster", run -> updateTopic(run, true));
        all.put("create-topic", AdminScenarios::createTopic);
    }

    private static void updateTopic(Program.Run run, boolean byCluster) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt();
        admin.setNamesrvAddr(run.nameServer);
        admin.setInstanceName("admin-" + run.topic);
        admin.start();
        Map<String, Set<String>> clusters = admin.examineBrokerClusterInfo().getClusterAddrTable();
        String cluster = clusters.keySet().iterator().next();
        String broker = clusters.get(cluster).iterator().next();
        String address = admin.examineBrokerClusterInfo().getBrokerAddrTable().get(broker).getBrokerAddrs().get(0L);
        run.detail.put("cluster", cluster);
        MQAdminStartup.main0(byCluster
            ? new String[] {"updateTopic", "-n", run.nameServer, "-c", cluster, "-t", run.topic, "-r", "7", "-w", "7"}
            : new String[] {"updateTopic", "-n", run.nameServer, "-b", address, "-t", run.topic, "-r", "7", "-w", "7"}, null);
        Clients.await("a route of seven queues", 15_000, () -> {
            try {
                return admin.examineTopicRouteInfo(run.topic).getQueueDatas().get(0).getWriteQueueNums() == 7;
            } catch (Exception absent) {
                return false;
            }
        });
        admin.shutdown();
        sevenQueues(run);
    }

    private static void createTopic(Program.Run run) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt();
        admin.setNamesrvAddr(run.nameServer);
        admin.setInstanceName("create-" + run.topic);
        admin.start();
        String cluster = admin.examineBrokerClusterInfo().getClusterAddrTable().keySet().iterator().next();
        try {
            DefaultMQAdminExt.class.getMethod("createTopic", String.class, String.class, int.class)
                .invoke(admin, cluster, run.topic, 7);
        } catch (NoSuchMethodException since5) {
            DefaultMQAdminExt.class.getMethod("createTopic", String.class, String.class, int.class, Map.class)
                .invoke(admin, cluster, run.topic, 7, null);
        }
        admin.shutdown();
        sevenQueues(run);
    }

    private static void sevenQueues(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        Clients.await("seven queues to publish to", 35_000, () -> {
            try {
                return producer.fetchPublishMessageQueues(run.topic).size() == 7;
            } catch (Exception absent) {
                return false;
            }
        });
        for (MessageQueue queue : producer.fetchPublishMessageQueues(run.topic)) {
            producer.send(SendScenarios.message(run.topic, "A", "to " + queue.getQueueId()), queue);
        }
        producer.shutdown();
        SendScenarios.distinct(run, Clients.readAll(run, run.topic, 7), 7);
    }
}
