/**
 * What a request asks for, spelled as RocketMQ does. Source: RocketMQ 5.3 `RequestCode`.
 */

export const SEND_MESSAGE = 10;
export const PULL_MESSAGE = 11;
export const QUERY_MESSAGE = 12;
export const QUERY_CONSUMER_OFFSET = 14;
export const UPDATE_CONSUMER_OFFSET = 15;
export const UPDATE_AND_CREATE_TOPIC = 17;
export const UPDATE_AND_CREATE_TOPIC_LIST = 18;
export const GET_ALL_TOPIC_CONFIG = 21;
export const UPDATE_BROKER_CONFIG = 25;
export const GET_BROKER_CONFIG = 26;
export const GET_BROKER_RUNTIME_INFO = 28;
export const SEARCH_OFFSET_BY_TIMESTAMP = 29;
export const GET_MAX_OFFSET = 30;
export const GET_MIN_OFFSET = 31;
export const GET_EARLIEST_MSG_STORETIME = 32;
export const VIEW_MESSAGE_BY_ID = 33;
export const HEART_BEAT = 34;
export const UNREGISTER_CLIENT = 35;
export const CONSUMER_SEND_MSG_BACK = 36;
export const END_TRANSACTION = 37;
export const GET_CONSUMER_LIST_BY_GROUP = 38;
export const CHECK_TRANSACTION_STATE = 39;
export const NOTIFY_CONSUMER_IDS_CHANGED = 40;
export const LOCK_BATCH_MQ = 41;
export const UNLOCK_BATCH_MQ = 42;
export const GET_ALL_CONSUMER_OFFSET = 43;
export const GET_ALL_DELAY_OFFSET = 45;
export const CHECK_CLIENT_CONFIG = 46;
export const PUT_KV_CONFIG = 100;
export const GET_KV_CONFIG = 101;
export const DELETE_KV_CONFIG = 102;
export const REGISTER_BROKER = 103;
export const UNREGISTER_BROKER = 104;
export const GET_ROUTEINFO_BY_TOPIC = 105;
export const GET_BROKER_CLUSTER_INFO = 106;
export const UPDATE_AND_CREATE_SUBSCRIPTIONGROUP = 200;
export const GET_ALL_SUBSCRIPTIONGROUP_CONFIG = 201;
export const GET_TOPIC_STATS_INFO = 202;
export const GET_CONSUMER_CONNECTION_LIST = 203;
export const GET_PRODUCER_CONNECTION_LIST = 204;
export const WIPE_WRITE_PERM_OF_BROKER = 205;
export const GET_ALL_TOPIC_LIST_FROM_NAMESERVER = 206;
export const DELETE_SUBSCRIPTIONGROUP = 207;
export const GET_CONSUME_STATS = 208;
export const DELETE_TOPIC_IN_BROKER = 215;
export const DELETE_TOPIC_IN_NAMESRV = 216;
export const REGISTER_TOPIC_IN_NAMESRV = 217;
export const GET_KVLIST_BY_NAMESPACE = 219;
export const RESET_CONSUMER_CLIENT_OFFSET = 220;
export const GET_CONSUMER_STATUS_FROM_CLIENT = 221;
export const INVOKE_BROKER_TO_RESET_OFFSET = 222;
export const INVOKE_BROKER_TO_GET_CONSUMER_STATUS = 223;
export const GET_TOPICS_BY_CLUSTER = 224;
export const UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST = 225;
export const QUERY_TOPIC_CONSUME_BY_WHO = 300;
export const QUERY_CONSUME_TIME_SPAN = 303;
export const GET_SYSTEM_TOPIC_LIST_FROM_NS = 304;
export const GET_SYSTEM_TOPIC_LIST_FROM_BROKER = 305;
export const CLEAN_EXPIRED_CONSUMEQUEUE = 306;
export const GET_CONSUMER_RUNNING_INFO = 307;
export const QUERY_CORRECTION_OFFSET = 308;
export const CONSUME_MESSAGE_DIRECTLY = 309;
export const SEND_MESSAGE_V2 = 310;
export const GET_UNIT_TOPIC_LIST = 311;
export const GET_HAS_UNIT_SUB_TOPIC_LIST = 312;
export const GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST = 313;
export const CLONE_GROUP_OFFSET = 314;
export const VIEW_BROKER_STATS_DATA = 315;
export const CLEAN_UNUSED_TOPIC = 316;
export const GET_BROKER_CONSUME_STATS = 317;
export const UPDATE_NAMESRV_CONFIG = 318;
export const GET_NAMESRV_CONFIG = 319;
export const SEND_BATCH_MESSAGE = 320;
export const QUERY_CONSUME_QUEUE = 321;
export const QUERY_DATA_VERSION = 322;
export const RESUME_CHECK_HALF_MESSAGE = 323;
export const SEND_REPLY_MESSAGE = 324;
export const SEND_REPLY_MESSAGE_V2 = 325;
export const PUSH_REPLY_MESSAGE_TO_CLIENT = 326;
export const ADD_WRITE_PERM_OF_BROKER = 327;
export const GET_ALL_PRODUCER_INFO = 328;
export const DELETE_EXPIRED_COMMITLOG = 329;
export const QUERY_TOPICS_BY_CONSUMER = 343;
export const QUERY_SUBSCRIPTION_BY_CONSUMER = 345;
export const GET_TOPIC_CONFIG = 351;
export const GET_SUBSCRIPTIONGROUP_CONFIG = 352;
export const UPDATE_AND_GET_GROUP_FORBIDDEN = 353;
export const LITE_PULL_MESSAGE = 361;
export const RECALL_MESSAGE = 370;
export const QUERY_ASSIGNMENT = 400;
export const SET_MESSAGE_REQUEST_MODE = 401;
export const GET_ALL_MESSAGE_REQUEST_MODE = 402;
export const UPDATE_AND_CREATE_STATIC_TOPIC = 513;
export const GET_BROKER_MEMBER_GROUP = 901;
export const BROKER_HEARTBEAT = 904;
export const NOTIFY_MIN_BROKER_ID_CHANGE = 905;
export const EXCHANGE_BROKER_HA_INFO = 906;
export const GET_BROKER_HA_STATUS = 907;
export const POP_MESSAGE = 200_050;
export const ACK_MESSAGE = 200_051;
export const PEEK_MESSAGE = 200_052;
export const CHANGE_MESSAGE_INVISIBLETIME = 200_053;
export const NOTIFICATION = 200_054;
export const POLLING_INFO = 200_055;
export const BATCH_ACK_MESSAGE = 200_151;

/** True for the codes whose header `scanSendHeader` reads. */
export function isSend(code: number): boolean {
  return (
    code === SEND_MESSAGE_V2 ||
    code === SEND_MESSAGE ||
    code === SEND_BATCH_MESSAGE ||
    code === SEND_REPLY_MESSAGE ||
    code === SEND_REPLY_MESSAGE_V2
  );
}

/** True for the codes whose header `scanPullHeader` reads. */
export function isPull(code: number): boolean {
  return code === PULL_MESSAGE || code === LITE_PULL_MESSAGE;
}
