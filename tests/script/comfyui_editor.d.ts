// What comfyforms/comfyui_node/web uses of the modules that ComfyUI's editor serves.

declare module "*/scripts/api.js" {
  export const api: { fetchApi(route: string, options?: RequestInit): Promise<Response> };
}

declare module "*/scripts/app.js" {
  interface Graph {
    serialize(): unknown;
  }
  interface Extension {
    name: string;
    setup(): void;
    commands: { id: string; label: string; icon: string; function: () => void }[];
    menuCommands: { path: string[]; commands: string[] }[];
    actionBarButtons: { icon: string; label: string; tooltip: string; onClick: () => void }[];
  }
  export const app: {
    rootGraph?: Graph; // not in every version
    graph: Graph;
    extensionManager: {
      workflow?: { activeWorkflow?: { key: string; isPersisted: boolean } | null };
      dialog?: {
        confirm(question: {
          title: string;
          message: string;
          type: "overwrite";
        }): Promise<boolean | null>;
      }; // not in every version
      toast: {
        add(message: { severity: "error" | "info"; summary: string; detail: string }): void;
      };
    };
    loadGraphData(graph: unknown, clean: boolean, view: boolean, name?: string): Promise<void>;
    registerExtension(extension: Extension): void;
  };
}
