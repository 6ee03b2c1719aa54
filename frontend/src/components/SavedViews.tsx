import { ActionIcon, Button, Menu, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconBookmark, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { deleteView, savedViewsQuery, saveView, type SavedView, type ViewPage } from '../api/saved-views';
import { useMe, useProject } from '../hooks/useProject';

interface SavedViewsProps {
  page: ViewPage;
  /** What the URL holds besides the range, which stays what it is. */
  current: Record<string, string | undefined>;
  onOpen: (search: Record<string, string>) => void;
}

/** Named views of a page, shared by the project. */
export function SavedViews({ page, current, onOpen }: SavedViewsProps) {
  const views = useQuery(savedViewsQuery(useProject(), page));
  const mayWrite = may(useMe(), 'saved_view.save');
  return (
    <Menu closeOnItemClick={false} width={300}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconBookmark size={14} />}>
          Views
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {views.isPending && <Menu.Label>Loading…</Menu.Label>}
        {views.error && <Menu.Label>{asProblem(views.error).title}</Menu.Label>}
        {views.data?.length === 0 && <Menu.Label>Nobody in this project has saved a view</Menu.Label>}
        {views.data?.map((view) => (
          <ViewItem key={view.id} view={view} onOpen={onOpen} mayDelete={mayWrite} />
        ))}
        {mayWrite && (
          <>
            <Menu.Divider />
            <SaveForm page={page} current={current} />
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

function ViewItem({ view, onOpen, mayDelete }: { view: SavedView; onOpen: SavedViewsProps['onOpen']; mayDelete: boolean }) {
  const remove = useViewWrite(view.page as ViewPage, () => deleteView(view.id));
  return (
    <Menu.Item
      title={`Saved by ${view.saved_by?.name ?? 'a program'}`}
      onClick={() => onOpen(Object.fromEntries(new URLSearchParams(view.search)))}
      rightSection={
        mayDelete && (
          <ActionIcon
            component="span"
            role="button"
            aria-label={`Delete view ${view.name}`}
            onClick={(event: React.MouseEvent) => {
              event.stopPropagation();
              remove.mutate();
            }}
          >
            <IconTrash size={14} />
          </ActionIcon>
        )
      }
    >
      {view.name}
    </Menu.Item>
  );
}

function SaveForm({ page, current }: Pick<SavedViewsProps, 'page' | 'current'>) {
  const [name, setName] = useState('');
  const held = Object.entries(current).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const save = useViewWrite(page, () => saveView(page, name.trim(), new URLSearchParams(held).toString()));
  return (
    <form
      style={{ display: 'flex', gap: 8, padding: 8 }}
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim()) save.mutate(undefined, { onSuccess: () => setName('') });
      }}
    >
      <TextInput
        size="xs"
        aria-label="Name of the view"
        placeholder="Name this view for everybody"
        value={name}
        maxLength={100}
        onChange={(event) => setName(event.currentTarget.value)}
        onKeyDown={(event) => event.stopPropagation()}
        style={{ flex: 1 }}
      />
      <Button type="submit" disabled={!name.trim()} loading={save.isPending}>
        Save
      </Button>
    </form>
  );
}

function useViewWrite(page: ViewPage, mutationFn: () => Promise<void>) {
  const project = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn,
    onSettled: () => client.invalidateQueries({ queryKey: keys.savedViews(project, page) }),
    onError: (cause) => {
      const { title, detail } = asProblem(cause);
      notifications.show({ color: 'red', title, message: detail ?? 'The view was not changed.' });
    },
  });
}
