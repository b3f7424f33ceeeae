/** Frames for the tests of this folder. */
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../../../protocol/remoting/frame-reader.ts';

/** A frame of a JSON header given as text, and a body. */
export function jsonFrame(header: string, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  return frameOf(Buffer.from(header), body, SERIALIZE_JSON);
}

/** A frame of a binary header and a body. */
export function binaryFrame(header: Uint8Array, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  return frameOf(header, body, SERIALIZE_ROCKETMQ);
}

function frameOf(header: Uint8Array, body: Uint8Array, serializeType: number): Uint8Array {
  const frame = Buffer.alloc(8 + header.length + body.length);
  frame.writeInt32BE(4 + header.length + body.length, 0);
  frame.writeInt32BE((serializeType << 24) | header.length, 4);
  frame.set(header, 8);
  frame.set(body, 8 + header.length);
  return frame;
}
