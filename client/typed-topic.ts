/**
 * A topic whose messages have a type: what is sent is checked and encoded, what comes is decoded and checked. The check is a function of one's own
 * or a schema of any library that follows the Standard Schema (version 1). Fails with MQ_CLIENT_INVALID_VALUE.
 * Source: https://standardschema.dev
 */
import { topicNameFault } from '../model/topic.ts';
import { ClientError, errorText } from './errors.ts';

/** The part of a Standard Schema that is used here. */
export type StandardSchema<T> = {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>;
    readonly types?: { readonly input: unknown; readonly output: T } | undefined;
  };
};

export type SchemaResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

export type TopicDefinition<T> = {
  readonly name: string;
  /** Gives the value back, changed or not, or throws. Without it and `schema` nothing is checked. */
  readonly validate?: (value: unknown) => T;
  readonly schema?: StandardSchema<T>;
  /** JSON if not given. */
  readonly encode?: (value: T) => Uint8Array | string;
  /** Bytes to what `validate` or `schema` is given; JSON if not given. */
  readonly decode?: (bytes: Uint8Array) => unknown;
};

/** A topic of messages of type T. */
export class Topic<T> {
  readonly name: string;
  readonly #definition: TopicDefinition<T>;

  constructor(definition: TopicDefinition<T>) {
    const fault = topicNameFault(definition.name);
    if (fault !== null) throw new ClientError('MQ_CLIENT_ARGUMENT', fault);
    if (definition.validate !== undefined && definition.schema !== undefined)
      throw new ClientError('MQ_CLIENT_ARGUMENT', `Topic ${definition.name} has a schema and a validate function; give one of them`);
    this.name = definition.name;
    this.#definition = definition;
  }

  /** The bytes of a value that passes the check. */
  async encode(value: T): Promise<Uint8Array> {
    const checked = await this.#check(value, 'sent');
    const { encode } = this.#definition;
    const encoded = encode === undefined ? JSON.stringify(checked) : encode(checked);
    if (encoded === undefined) throw this.#invalid('sent', 'it has no JSON form', undefined);
    return typeof encoded === 'string' ? Buffer.from(encoded) : encoded;
  }

  /** The value in bytes, checked. */
  async decode(bytes: Uint8Array): Promise<T> {
    const { decode } = this.#definition;
    let value: unknown;
    try {
      value = decode === undefined ? JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')) : decode(bytes);
    } catch (cause) {
      throw this.#invalid('received', errorText(cause), cause);
    }
    return await this.#check(value, 'received');
  }

  async #check(value: unknown, how: 'sent' | 'received'): Promise<T> {
    const { schema, validate } = this.#definition;
    if (validate !== undefined) {
      try {
        return validate(value);
      } catch (cause) {
        throw this.#invalid(how, errorText(cause), cause);
      }
    }
    if (schema === undefined) return value as T;
    const result = await schema['~standard'].validate(value);
    if (result.issues === undefined) return result.value;
    throw this.#invalid(how, result.issues.map(issueText).join('; '), result.issues);
  }

  #invalid(how: 'sent' | 'received', why: string, cause: unknown): ClientError {
    return new ClientError('MQ_CLIENT_INVALID_VALUE', `A value ${how} in topic ${this.name} is not valid: ${why}`, { cause });
  }
}

/** A topic whose messages have the type that its validator gives. */
export function defineTopic<T>(definition: TopicDefinition<T>): Topic<T> {
  return new Topic(definition);
}

function issueText(issue: {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}): string {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
