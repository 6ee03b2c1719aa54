import { queryOptions } from '@tanstack/react-query';
import { api, read, write } from './client';
import { keys } from './keys';
import type { components } from './schema';

export type SavedView = components['schemas']['SavedView'];
export type ViewPage = components['schemas']['ViewPage'];

export function savedViewsQuery(project: string, page: ViewPage) {
  return queryOptions({
    queryKey: keys.savedViews(project, page),
    queryFn: async () => (await read(api.GET('/api/v1/saved-views', { params: { query: { page } } }))).items,
  });
}

/** A view of that page and name is replaced, for everybody in the project. */
export async function saveView(page: ViewPage, name: string, search: string): Promise<void> {
  await write<SavedView | null>(api.PUT('/api/v1/saved-views', { body: { page, name, search } }), nothing);
}

export async function deleteView(id: string): Promise<void> {
  await write<unknown>(api.DELETE('/api/v1/saved-views/{id}', { params: { path: { id } } }), nothing);
}

/** The list is refetched, so the resource of a late outcome is not needed. */
function nothing(): Promise<null> {
  return Promise.resolve(null);
}
