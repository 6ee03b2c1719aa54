import type { ServiceMap } from '../api/traces';

export const SERVICE = 'service';

const FAILING = 0.05;
const SUSPECT = 0.01;

/** What a share of failed requests is drawn as: one in a hundred is no longer well. */
export function errorState(share: number): 'well' | 'suspect' | 'failing' {
  if (share >= FAILING) return 'failing';
  return share >= SUSPECT ? 'suspect' : 'well';
}

/** A database may be called as a service is. */
export function nodeId(kind: string, name: string): string {
  return `${kind} ${name}`;
}

/** The node that a call comes from: a service, else the queue that it was taken out of. */
export function callerId(nodes: ServiceMap['nodes'], client: string): string {
  const named = nodes.filter(({ service }) => service === client).map(({ kind }) => kind);
  return nodeId(named.includes(SERVICE) ? SERVICE : (named[0] ?? SERVICE), client);
}
