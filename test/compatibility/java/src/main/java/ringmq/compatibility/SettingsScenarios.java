package ringmq.compatibility;

import java.util.Collections;
import java.util.Map;
import java.util.Properties;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Settings and permissions that the stock tools change while a broker runs; each scenario puts back what it changed. */
final class SettingsScenarios {
    private static final long ROUTE_MS = 15_000;

    private SettingsScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("broker-settings", SettingsScenarios::brokerSettings);
        all.put("broker-permission", SettingsScenarios::brokerPermission);
        all.put("write-permission", SettingsScenarios::writePermission);
        all.put("name-server-settings", SettingsScenarios::nameServerSettings);
    }

    /** A limit changed by a tool holds for the next send, and is shown; what may not change is refused. */
    private static void brokerSettings(Program.Run run) throws Exception {
        DefaultMQAdminExt admin = admin(run);
        String address = address(admin);
        DefaultMQProducer producer = Clients.producer(run);
        producer.setRetryTimesWhenSendFailed(0);
        producer.setCompressMsgBodyOverHowmuch(1 << 20);
        String large = new String(new char[5000]).replace('\0', 'x');
        String before = admin.getBrokerConfig(address).getProperty("maxMessageSize");
        producer.send(SendScenarios.message(run.topic, "A", large));
        try {
            set(admin, address, "maxMessageSize", "4096");
            equal("4096", admin.getBrokerConfig(address).getProperty("maxMessageSize"));
            run.detail.put("refusedWith", refusal(() -> producer.send(SendScenarios.message(run.topic, "A", large))));
            producer.send(SendScenarios.message(run.topic, "A", "small"));
        } finally {
            set(admin, address, "maxMessageSize", before);
        }
        producer.send(SendScenarios.message(run.topic, "A", large));
        set(admin, address, "noSuchSetting", "1");
        equal(null, admin.getBrokerConfig(address).getProperty("noSuchSetting"));
        equal(16, refusal(() -> set(admin, address, "brokerConfigPath", "/tmp/elsewhere")));
        producer.shutdown();
        admin.shutdown();
    }

    /** The broker's own permission goes into its routes; a sender with an old route may finish. */
    private static void brokerPermission(Program.Run run) throws Exception {
        DefaultMQAdminExt admin = admin(run);
        String address = address(admin);
        DefaultMQProducer producer = Clients.producer(run);
        producer.send(SendScenarios.message(run.topic, "A", "before"));
        MessageQueue queue = producer.fetchPublishMessageQueues(run.topic).get(0);
        try {
            set(admin, address, "brokerPermission", "4");
            awaitPerm(admin, run, 4);
            if (producer.send(SendScenarios.message(run.topic, "A", "after"), queue).getSendStatus() != SendStatus.SEND_OK) {
                throw new AssertionError("a sender with an old route is refused");
            }
            set(admin, address, "brokerPermission", "2");
            awaitPerm(admin, run, 2);
        } finally {
            set(admin, address, "brokerPermission", "6");
        }
        awaitPerm(admin, run, 6);
        producer.shutdown();
        admin.shutdown();
    }

    /** wipeWritePerm and addWritePerm at the name server. */
    private static void writePermission(Program.Run run) throws Exception {
        DefaultMQAdminExt admin = admin(run);
        DefaultMQProducer producer = Clients.producer(run);
        producer.send(SendScenarios.message(run.topic, "A", "before"));
        producer.shutdown();
        String broker = admin.examineBrokerClusterInfo().getBrokerAddrTable().keySet().iterator().next();
        int wiped = admin.wipeWritePermOfBroker(run.nameServer, broker);
        try {
            awaitPerm(admin, run, 4);
        } finally {
            equal(wiped, admin.addWritePermOfBroker(run.nameServer, broker));
        }
        awaitPerm(admin, run, 6);
        equal(0, admin.wipeWritePermOfBroker(run.nameServer, "no-such-broker"));
        if (wiped < 2) {
            throw new AssertionError("only " + wiped + " topics lost their write permission");
        }
        admin.shutdown();
    }

    private static void nameServerSettings(Program.Run run) throws Exception {
        DefaultMQAdminExt admin = admin(run);
        Properties change = new Properties();
        change.setProperty("scanNotActiveBrokerInterval", "7000");
        admin.updateNameServerConfig(change, Collections.singletonList(run.nameServer));
        Properties shown = admin.getNameServerConfig(Collections.singletonList(run.nameServer)).get(run.nameServer);
        equal("7000", shown.getProperty("scanNotActiveBrokerInterval"));
        admin.shutdown();
    }

    static DefaultMQAdminExt admin(Program.Run run) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt();
        admin.setNamesrvAddr(run.nameServer);
        admin.setInstanceName("settings-" + run.topic);
        admin.start();
        return admin;
    }

    static String address(DefaultMQAdminExt admin) throws Exception {
        return admin.examineBrokerClusterInfo().getBrokerAddrTable().values().iterator().next().getBrokerAddrs().get(0L);
    }

    static void set(DefaultMQAdminExt admin, String address, String key, String value) throws Exception {
        Properties change = new Properties();
        change.setProperty(key, value);
        admin.updateBrokerConfig(address, change);
    }

    private static void awaitPerm(DefaultMQAdminExt admin, Program.Run run, int perm) throws Exception {
        Clients.await("a route with permission " + perm, ROUTE_MS,
            () -> admin.examineTopicRouteInfo(run.topic).getQueueDatas().get(0).getPerm() == perm);
    }

    private interface Call {
        void run() throws Exception;
    }

    /** The code with which a broker refuses. */
    private static int refusal(Call call) throws Exception {
        try {
            call.run();
        } catch (MQBrokerException refused) {
            return refused.getResponseCode();
        }
        throw new AssertionError("nothing was refused");
    }

    private static void equal(Object expected, Object found) {
        if (expected == null ? found != null : !expected.equals(found)) {
            throw new AssertionError(expected + " was expected, " + found + " was found");
        }
    }
}
