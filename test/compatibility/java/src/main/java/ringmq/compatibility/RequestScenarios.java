package ringmq.compatibility;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.exception.RequestTimeoutException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.producer.RequestResponseFuture;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Requests that wait for a consumer's reply. */
final class RequestScenarios {
    private static final long LONG_MS = 60_000;

    private RequestScenarios() {
    }

    static void add(Map<String, Program.Scenario> all) {
        all.put("request-reply", RequestScenarios::requestReply);
    }

    private static String text(Message message) {
        return new String(message.getBody());
    }

    /**
     * A requester is found by its heartbeat; the client leaves out the one before its first request when another is under way, and the next
     * comes after 30 s. Gives how many requests it took.
     */
    private static int untilKnown(DefaultMQProducer producer, Program.Run run) throws Exception {
        for (int attempt = 1;; attempt++) {
            try {
                ask(producer, SendScenarios.message(run.topic, "A", "known? " + attempt), 3_000);
                return attempt;
            } catch (Exception e) {
                if (attempt == 12) {
                    throw e;
                }
            }
        }
    }

    private static void requestReply(Program.Run run) throws Exception {
        DefaultMQProducer producer = Clients.producer(run);
        DefaultMQProducer replier = Clients.producer(run);
        producer.send(SendScenarios.message(run.topic, "A", "makes the topic"));
        Map<String, Message> held = new ConcurrentHashMap<>();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        DefaultMQPushConsumer consumer = Clients.unstarted(run, run.group, run.topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                answer(message, replier, held, failure);
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();

        long slowest = 0;
        boolean isSyncSound = isSyncSound();
        run.detail.put("sync", isSyncSound ? "asked" : "left out: this client's own fault");
        run.detail.put("knownAfter", untilKnown(producer, run));
        // Replies to a requester that its broker did not know yet were refused.
        failure.set(null);
        for (int i = 0; i < 50; i++) {
            long begin = System.nanoTime();
            Message request = SendScenarios.message(run.topic, "A", "request " + i);
            Message reply = isSyncSound && i % 2 == 0 ? producer.request(request, 20_000) : ask(producer, request, 20_000);
            run.equal(text(reply), "reply to request " + i, "the reply");
            if (i > 0) {
                slowest = Math.max(slowest, System.nanoTime() - begin);
            }
        }
        run.detail.put("slowestMs", slowest / 1_000_000);
        Message large = ask(producer, SendScenarios.message(run.topic, "A", "large"), 20_000);
        byte[] expected = new byte[1_000_000];
        Arrays.fill(expected, (byte) 'y');
        run.check(Arrays.equals(large.getBody(), expected), "a large reply, compressed on its way");

        CountDownLatch latch = new CountDownLatch(20);
        for (int i = 0; i < 20; i++) {
            String body = "async " + i;
            producer.request(SendScenarios.message(run.topic, "A", body), RequestScenarios::any, i, new RequestCallback() {
                @Override
                public void onSuccess(Message reply) {
                    if (!text(reply).equals("reply to " + body)) {
                        failure.set(new AssertionError(body + " got " + text(reply)));
                    }
                    latch.countDown();
                }

                @Override
                public void onException(Throwable thrown) {
                    failure.set(thrown);
                    latch.countDown();
                }
            }, 20_000);
        }
        run.check(latch.await(30, TimeUnit.SECONDS), "callbacks missing: " + latch.getCount());
        run.equal(failure.get(), null, "failure of a request or a reply");

        try {
            ask(producer, SendScenarios.message(run.topic, "A", "hold timed"), 500);
            run.check(false, "a request that nobody answers came back");
        } catch (RequestTimeoutException late) {
            run.detail.put("late", late.getResponseCode());
        }
        DefaultMQProducer leaving = Clients.producer(run);
        leaving.request(SendScenarios.message(run.topic, "A", "hold gone"), RequestScenarios::any, 0, new RequestCallback() {
            @Override
            public void onSuccess(Message reply) {
                failure.set(new AssertionError("a reply to a client that has left"));
            }

            @Override
            public void onException(Throwable thrown) {
                // Its time is over, or it has shut down.
            }
        }, 20_000);
        Clients.await("both requests that are held", LONG_MS, () -> held.size() == 2);
        // Whoever waited has given up: its client takes the reply all the same and drops it.
        replier.send(held.get("hold timed"));
        leaving.shutdown();
        Clients.await("the reply to a client that has left to be refused", LONG_MS, () -> {
            try {
                replier.send(held.get("hold gone"));
                return false;
            } catch (MQBrokerException | MQClientException refused) {
                // 4.9 wraps what the last of its attempts was told.
                Throwable told = refused instanceof MQBrokerException ? refused : refused.getCause();
                run.equal(((MQBrokerException) told).getResponseCode(), 1, "code for a client that is gone");
                run.check(told.getMessage().contains("not found"), told.getMessage());
                return true;
            }
        });
        run.equal(failure.get(), null, "failure at the end");
        consumer.shutdown();
        replier.shutdown();
        producer.shutdown();
    }

    private static MessageQueue any(List<MessageQueue> queues, Message message, Object number) {
        return queues.get((Integer) number % queues.size());
    }

    /** Of this client's ways to ask, the one that waits for the reply and nothing else in every release. */
    private static Message ask(DefaultMQProducer producer, Message request, long timeoutMs) throws Exception {
        CompletableFuture<Message> reply = new CompletableFuture<>();
        producer.request(request, RequestScenarios::any, 0, new RequestCallback() {
            @Override
            public void onSuccess(Message message) {
                reply.complete(message);
            }

            @Override
            public void onException(Throwable thrown) {
                reply.completeExceptionally(thrown);
            }
        }, timeoutMs);
        try {
            return reply.get();
        } catch (ExecutionException failed) {
            throw (Exception) failed.getCause();
        }
    }

    /** Some releases wake whoever waits for a reply when the request has been sent, and then report a time-out. */
    private static boolean isSyncSound() {
        for (Method method : RequestResponseFuture.class.getMethods()) {
            if (method.getName().equals("acquireCountDownLatch")) {
                return false;
            }
        }
        return true;
    }

    private static void answer(MessageExt message, DefaultMQProducer replier, Map<String, Message> held, AtomicReference<Throwable> failure) {
        String body = text(message);
        if (message.getProperty("CORRELATION_ID") == null) {
            return;
        }
        try {
            byte[] reply = ("reply to " + body).getBytes();
            if (body.equals("large")) {
                reply = new byte[1_000_000];
                Arrays.fill(reply, (byte) 'y');
            }
            Message made = MessageUtil.createReplyMessage(message, reply);
            if (body.startsWith("hold")) {
                held.put(body, made);
            } else {
                replier.send(made, 10_000);
            }
        } catch (Exception refused) {
            failure.set(refused);
        }
    }
}
