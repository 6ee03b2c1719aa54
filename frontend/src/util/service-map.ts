import type { ServiceMap } from '../api/traces';

export const SERVICE = 'service';

/** A database may be called as a service is. */
export function nodeId(kind: string, name: string): string {
  return `${kind} ${name}`;
}

/** The node that a call comes from: a service, else the queue that it was taken out of. */
export function callerId(nodes: ServiceMap['nodes'], client: string): string {
  const named = nodes.filter(({ service }) => service === client).map(({ kind }) => kind);
  return nodeId(named.includes(SERVICE) ? SERVICE : (named[0] ?? SERVICE), client);
}
