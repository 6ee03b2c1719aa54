import { http, HttpResponse } from 'msw';
import { notFound, refusedSession } from './answers';
import { announce } from './live';
import { nextId, save, state } from './store';

export const savedViewRoutes = [
  http.get('/api/v1/saved-views', ({ request }) => {
    const page = new URL(request.url).searchParams.get('page');
    const items = state().savedViews.filter((view) => !page || view.page === page);
    return refusedSession(request) ?? HttpResponse.json({ items });
  }),
  http.put('/api/v1/saved-views', async ({ request }) => {
    const body = (await request.json()) as { page: string; name: string; search: string };
    const known = state().savedViews.find(({ page, name }) => page === body.page && name === body.name);
    const saved = {
      ...body, id: known?.id ?? nextId(),
      saved_at: new Date().toISOString(), saved_by: { id: state().user.id, name: state().user.name },
    };
    state().savedViews = [...state().savedViews.filter((view) => view !== known), saved];
    save();
    announce('saved_view.updated', saved.id);
    return HttpResponse.json(saved);
  }),
  http.delete<{ id: string }>('/api/v1/saved-views/:id', ({ params }) => {
    if (!state().savedViews.some(({ id }) => id === params.id)) return notFound();
    state().savedViews = state().savedViews.filter(({ id }) => id !== params.id);
    save();
    announce('saved_view.updated', params.id);
    return new HttpResponse(null, { status: 204 });
  }),
];
