import { ws, type WebSocketHandler } from 'msw';
import { CLOSE_OTHER_PROJECT } from '../src/api/live';
import type { ChangeType } from '../src/api/live-frames';
import { state } from './store';

const socket = ws.link(/\/ws(\?.*)?$/);
const EPOCH = 'mock-epoch';
let seq = 0;

export const liveHandlers: WebSocketHandler[] = [
  socket.addEventListener('connection', ({ client }) => {
    const { project } = state();
    const asked = client.url.searchParams.get('project');
    if (asked && asked !== project) return client.close(CLOSE_OTHER_PROJECT, 'the credential is for another project');
    client.send(JSON.stringify({ type: 'hello', epoch: EPOCH, seq, project_id: project }));
  }),
];

/** Tells every open console what changed, as the server's fan-out does. */
export function announce(type: ChangeType, key: string): void {
  seq += 1;
  socket.broadcast(JSON.stringify({ type, project_id: state().project, key, seq }));
}
