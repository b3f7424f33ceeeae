/** The lines of a stream as bytes, as they come; neither `\n` nor `\r\n` belongs to them. Fails with CommandError on a line that is too long. */
import { CommandError } from './errors.ts';

export async function* readLines(stream: AsyncIterable<Buffer | string>, lineBytesMax: number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let bytes = 0;
  let number = 1;
  const take = (part: Buffer): void => {
    bytes += part.length;
    if (bytes > lineBytesMax + 1)
      throw new CommandError('MQ_CLI_REFUSED', `Line ${number} is longer than ${lineBytesMax} bytes, the most that a message may have`);
    parts.push(part);
  };
  const end = (): Buffer => {
    const whole = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    parts = [];
    bytes = 0;
    number++;
    return whole.at(-1) === 0x0d ? whole.subarray(0, -1) : whole;
  };
  for await (const given of stream) {
    const chunk = typeof given === 'string' ? Buffer.from(given) : given;
    let start = 0;
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, start)) {
      take(chunk.subarray(start, at));
      yield end();
      start = at + 1;
    }
    if (start < chunk.length) take(chunk.subarray(start));
  }
  // A last line without an end is one too.
  if (bytes > 0) yield end();
}
