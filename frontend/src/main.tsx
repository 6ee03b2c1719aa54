import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './global.css';
import { notifications } from '@mantine/notifications';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { onRecorded } from './api/client';
import { createQueryClient } from './api/query-client';
import { onSessionOver } from './api/session';
import { App } from './App';
import { createConsoleRouter, leaveForLogin } from './routes/router';

async function start(): Promise<void> {
  if (__MOCK_API__) {
    const { startMockApi } = await import('../mock-api/start');
    await startMockApi();
  }
  const client = createQueryClient();
  const router = createConsoleRouter(client);
  onSessionOver(() => leaveForLogin(router, client));
  onRecorded(({ title, detail }) => notifications.show({ color: 'blue', title, message: detail, autoClose: 15_000 }));
  const root = document.getElementById('root');
  if (!root) throw new Error('index.html holds the element #root');
  createRoot(root).render(
    <StrictMode>
      <App client={client} router={router} />
    </StrictMode>,
  );
}

void start();
