/**
 * How a request ended, spelled as RocketMQ does. Source: RocketMQ 5.3 `RemotingSysResponseCode`, `ResponseCode`.
 */

export const SUCCESS = 0;
export const SYSTEM_ERROR = 1;
export const SYSTEM_BUSY = 2;
export const REQUEST_CODE_NOT_SUPPORTED = 3;
export const TRANSACTION_FAILED = 4;
/** 10 to 12: the message is stored, but not as safely as was asked. */
export const FLUSH_DISK_TIMEOUT = 10;
export const SLAVE_NOT_AVAILABLE = 11;
export const FLUSH_SLAVE_TIMEOUT = 12;
export const MESSAGE_ILLEGAL = 13;
export const SERVICE_NOT_AVAILABLE = 14;
export const VERSION_NOT_SUPPORTED = 15;
export const NO_PERMISSION = 16;
export const TOPIC_NOT_EXIST = 17;
export const TOPIC_EXIST_ALREADY = 18;
export const PULL_NOT_FOUND = 19;
export const PULL_RETRY_IMMEDIATELY = 20;
export const PULL_OFFSET_MOVED = 21;
export const QUERY_NOT_FOUND = 22;
export const SUBSCRIPTION_PARSE_FAILED = 23;
export const SUBSCRIPTION_NOT_EXIST = 24;
export const SUBSCRIPTION_NOT_LATEST = 25;
export const SUBSCRIPTION_GROUP_NOT_EXIST = 26;
export const FILTER_DATA_NOT_EXIST = 27;
export const FILTER_DATA_NOT_LATEST = 28;
export const INVALID_PARAMETER = 29;
export const TRANSACTION_SHOULD_COMMIT = 200;
export const TRANSACTION_SHOULD_ROLLBACK = 201;
export const TRANSACTION_STATE_UNKNOW = 202;
export const TRANSACTION_STATE_GROUP_WRONG = 203;
export const NO_BUYER_ID = 204;
export const NOT_IN_CURRENT_UNIT = 205;
export const CONSUMER_NOT_ONLINE = 206;
export const CONSUME_MSG_TIMEOUT = 207;
export const NO_MESSAGE = 208;
export const POLLING_FULL = 209;
export const POLLING_TIMEOUT = 210;
export const BROKER_NOT_EXIST = 211;
export const BROKER_DISPATCH_NOT_COMPLETE = 212;
export const BROADCAST_CONSUMPTION = 213;
export const FLOW_CONTROL = 215;
export const NOT_LEADER_FOR_QUEUE = 501;
export const ILLEGAL_OPERATION = 604;
export const GO_AWAY = 1500;
