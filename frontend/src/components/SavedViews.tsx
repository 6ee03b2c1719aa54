import { Button, Menu, TextInput } from '@mantine/core';
import { IconBookmark, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { deleteView, savedViewsQuery, saveView, type SavedView, type ViewPage } from '../api/saved-views';
import { tellProblem } from '../hooks/tellProblem';
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
  // Here and not in the form, which goes with the menu.
  const [name, setName] = useState('');
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
            <SaveForm page={page} current={current} name={name} onName={setName} replaces={views.data?.some((view) => view.name === name.trim()) ?? false} />
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

function ViewItem({ view, onOpen, mayDelete }: { view: SavedView; onOpen: SavedViewsProps['onOpen']; mayDelete: boolean }) {
  const remove = useViewWrite(view.page as ViewPage, () => deleteView(view.id));
  // It is everybody's: the first press asks, the second one does it.
  const [asking, setAsking] = useState(false);
  return (
    <div style={{ display: 'flex' }}>
      <Menu.Item style={{ flex: 1 }} onClick={() => onOpen(Object.fromEntries(new URLSearchParams(view.search)))}>
        <span style={{ overflowWrap: 'anywhere' }}>{view.name}</span>
        <div className="dim">saved by {view.saved_by?.name ?? 'a program'}</div>
      </Menu.Item>
      {mayDelete && (
        <Menu.Item
          w="auto"
          aria-label={`Delete view ${view.name}${asking ? ' for everybody' : ''}`}
          color={asking ? 'red' : undefined}
          disabled={remove.isPending}
          onBlur={() => setAsking(false)}
          onClick={() => (asking ? remove.mutate() : setAsking(true))}
        >
          {asking ? 'Delete?' : <IconTrash size={14} aria-hidden />}
        </Menu.Item>
      )}
    </div>
  );
}

interface SaveFormProps extends Pick<SavedViewsProps, 'page' | 'current'> {
  name: string;
  onName: (name: string) => void;
  /** Somebody has saved another view by this name. */
  replaces: boolean;
}

function SaveForm({ page, current, name, onName, replaces }: SaveFormProps) {
  const held = Object.entries(current).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const save = useViewWrite(page, () => saveView(page, name.trim(), new URLSearchParams(held).toString()));
  return (
    <form
      style={{ display: 'flex', gap: 8, padding: 8 }}
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim()) save.mutate(undefined, { onSuccess: () => onName('') });
      }}
    >
      <TextInput
        size="xs"
        aria-label="Name of the view"
        placeholder="Name this view for everybody"
        value={name}
        maxLength={100}
        onChange={(event) => onName(event.currentTarget.value)}
        onKeyDown={(event) => event.stopPropagation()}
        style={{ flex: 1 }}
      />
      <Button type="submit" disabled={!name.trim()} loading={save.isPending}>
        {replaces ? 'Replace' : 'Save'}
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
    onError: tellProblem,
  });
}
