import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react';
import { connectLive, liveUrl, type LiveState } from '../api/live';
import { touchedKeys } from '../api/live-frames';
import { collectKeys } from '../api/refetch';
import { checkOrLeave, renewOrLeave } from '../api/session';

const LiveContext = createContext<LiveState>({ kind: 'connecting' });

/** While the socket is away, what is on the screen is asked again this often. */
const POLL_MS = 15_000;

export function useLiveState(): LiveState {
  return useContext(LiveContext);
}

/** Holds the one WebSocket of a project and turns its messages into invalidated queries. */
export function LiveProvider({ project, children }: { project: string; children: ReactNode }) {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>({ kind: 'connecting' });

  useEffect(() => {
    const touched = collectKeys(client);
    const startedAt = Date.now();
    let first = true;
    const connection = connectLive({
      url: liveUrl(project),
      project,
      onState: setState,
      onChange: (change) => touched.add(touchedKeys(project, change)),
      onGap: () => {
        refetchVisible(client, project, first ? startedAt : undefined);
        first = false;
      },
      onSessionOver: renewOrLeave,
      onRefused: checkOrLeave,
    });
    return () => {
      touched.cancel();
      connection.close();
    };
  }, [client, project]);

  useEffect(() => {
    if (state.kind !== 'reconnecting') return;
    const timer = setInterval(() => refetchVisible(client, project), POLL_MS);
    return () => clearInterval(timer);
  }, [client, project, state.kind]);

  return <LiveContext value={state}>{children}</LiveContext>;
}

/**
 * Marks all of a project's queries stale and refetches those on the screen. On the first connection, answers fetched
 * after the page opened may predate the socket by moments, so they are asked once more as well.
 */
function refetchVisible(client: QueryClient, project: string, fetchedSince = 0): void {
  void client.invalidateQueries({
    queryKey: ['p', project],
    predicate: (query) => query.state.dataUpdatedAt >= fetchedSince,
  });
}
