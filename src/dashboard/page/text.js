// The page's texts in English and Chinese, and times and sizes as people read them.

const TEXTS = {
  // [English, Chinese]
  title: ["Kubernetes dashboard", "Kubernetes 仪表盘"],
  skip: ["Skip to content", "跳到正文"],
  overview: ["Overview", "概览"],
  allNamespaces: ["All namespaces", "所有命名空间"],
  namespace: ["Namespace", "命名空间"],
  filter: ["Filter", "筛选"],
  create: ["Create", "创建"],
  signOut: ["Sign out", "退出登录"],
  signIn: ["Sign in", "登录"],
  signInHow: ["Run `rkube dashboard`, which opens this page signed in, or paste a token:", "运行 `rkube dashboard` 会打开已登录的页面，也可在此粘贴令牌："],
  token: ["Token", "令牌"],
  expired: ["The session has ended.", "会话已结束。"],
  theme: ["Light or dark", "浅色或深色"],
  help: ["Keys", "快捷键"],
  ok: ["OK", "确定"],
  cancel: ["Cancel", "取消"],
  lost: ["Connection lost, trying again", "连接中断，正在重试"],
  nothing: ["Nothing here.", "这里没有内容。"],
  rows: ["{} object | {} objects", "{} 个对象"],
  workloads: ["Workloads", "工作负载"],
  network: ["Network", "网络"],
  config: ["Configuration", "配置"],
  storage: ["Storage", "存储"],
  cluster: ["Cluster", "集群"],
  access: ["Access", "访问控制"],
  others: ["Others", "其他"],
  custom: ["Custom resources", "自定义资源"],
  summary: ["Summary", "摘要"],
  related: ["Related", "相关对象"],
  events: ["Events", "事件"],
  yaml: ["YAML", "YAML"],
  logs: ["Logs", "日志"],
  terminal: ["Terminal", "终端"],
  scale: ["Scale", "伸缩"],
  replicas: ["Replicas", "副本数"],
  restart: ["Restart", "重启"],
  rollBack: ["Roll back", "回滚"],
  revision: ["Revision", "版本"],
  cordon: ["Cordon", "设为不可调度"],
  uncordon: ["Uncordon", "设为可调度"],
  drain: ["Drain", "驱逐全部 Pod"],
  delete: ["Delete", "删除"],
  really: ["Really?", "确定吗？"],
  done: ["Done", "已完成"],
  evicted: ["Evicted", "已驱逐"],
  review: ["Review changes", "查看更改"],
  save: ["Save", "保存"],
  reload: ["Load again", "重新加载"],
  unchanged: ["Nothing would change.", "没有更改。"],
  wouldChange: ["The server would save this:", "服务器将保存以下更改："],
  saved: ["Saved.", "已保存。"],
  createHow: ["One or more YAML documents:", "一个或多个 YAML 文档："],
  noKind: ["there is no kind {kind} in {version}", "{version} 中没有类型 {kind}"],
  nameless: ["a document without apiVersion or kind", "文档缺少 apiVersion 或 kind"],
  checked: ["The server accepts it.", "服务器接受。"],
  check: ["Check", "检查"],
  container: ["Container", "容器"],
  allContainers: ["All containers", "所有容器"],
  previous: ["Previous", "上一个实例"],
  search: ["Search", "搜索"],
  follow: ["Follow", "跟随"],
  tooMany: ["Logs that are shown:", "显示的日志数："],
  shell: ["Shell", "Shell"],
  connect: ["Connect", "连接"],
  ended: ["The session has ended.", "会话已结束。"],
  nodes: ["Nodes", "节点"],
  pods: ["Pods", "Pod"],
  running: ["running", "运行中"],
  ready: ["ready", "就绪"],
  notReady: ["not ready", "未就绪"],
  cpu: ["CPU", "CPU"],
  memory: ["Memory", "内存"],
  noMetrics: ["For usage, enable the addon metrics-server.", "启用插件 metrics-server 可查看用量。"],
  troubles: ["Needs attention", "需要关注"],
  allWell: ["All pods are well.", "所有 Pod 正常。"],
  warnings: ["Latest warnings", "最新警告"],
  keys: ["/ filter · c create · o overview · t theme · ? this help · arrow keys in tables and tabs", "/ 筛选 · c 创建 · o 概览 · t 主题 · ? 帮助 · 方向键在表格和标签页中移动"],
  owner: ["Owners", "属主"],
  dependents: ["Dependents", "从属对象"],
  notAll: ["Only the first {} objects of each kind were looked at.", "每种类型只查看了前 {} 个对象。"],
  selected: ["Selected pods", "选中的 Pod"],
  services: ["Services", "服务"],
  slices: ["Endpoint slices", "端点切片"],
  labels: ["Labels", "标签"],
  annotations: ["Annotations", "注解"],
  created: ["Created", "创建时间"],
  conditions: ["Conditions", "状况"],
  traces: ["What happened", "发生了什么"],
  tracesHow: ["Every change made from this page or by `rkube trace -- kubectl …` is remembered for a while: from the request to the running container.", "从本页面或通过 `rkube trace -- kubectl …` 所做的每次更改都会保留一段时间：从请求到容器运行的全过程。"],
  showTrace: ["Show what happened", "查看发生了什么"],
  time: ["Time", "时间"],
  user: ["User", "用户"],
  request: ["Request", "请求"],
  code: ["Answer", "应答"],
  step: ["Step", "步骤"],
  took: ["Took", "耗时"],
  timeline: ["Time line", "时间线"],
  kinds: ["Kinds", "资源类型"],
  sections: ["Sections", "分栏"],
  loading: ["Loading…", "正在加载…"],
  name: ["Name", "名称"],
  type: ["Type", "类型"],
  status: ["Status", "状态"],
  reason: ["Reason", "原因"],
  message: ["Message", "消息"],
  image: ["Image", "镜像"],
  age: ["Age", "存在时间"],
  goesOn: ["It goes on…", "仍在进行…"],
  atRest: ["Nothing more happens.", "已全部完成。"],
};

export let language = localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
export const setLanguage = (to) => {
  localStorage.setItem("language", to);
  location.reload();
};

/** The text of a name. */
export const t = (name) => TEXTS[name]?.[language === "zh" ? 1 : 0] ?? name;

/** A text with a number in place of `{}`: of `{} node | {} nodes`, the form that goes with it. */
export function counting(text, count) {
  const [one, many = one] = text.split(" | ");
  return (count === 1 ? one : many).replace("{}", count);
}
export const counted = (name, count) => counting(t(name), count);

/** How long ago, as kubectl says it. */
export function age(time) {
  let seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
  const take = (size) => {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    return count;
  };
  if (seconds < 120) return `${Math.floor(seconds)}s`;
  if (seconds < 600) return `${take(60)}m${Math.floor(seconds)}s`;
  if (seconds < 10800) return `${take(60)}m`;
  if (seconds < 28800) return `${take(3600)}h${take(60)}m`;
  if (seconds < 172800) return `${take(3600)}h`;
  if (seconds < 691200) return `${take(86400)}d${take(3600)}h`;
  return `${take(86400)}d`;
}

const UNITS = { n: 1e-9, u: 1e-6, m: 1e-3, "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 };
/** A quantity as a number. */
export function quantity(text) {
  const [, number, unit] = /^([\d.eE+-]*\d)([a-zA-Z]*)$/.exec(String(text ?? "0")) ?? [0, 0, ""];
  return Number(number) * (UNITS[unit] ?? 1);
}

export const cores = (number) => (number < 1 ? `${Math.round(number * 1000)}m` : number.toFixed(1));
export const bytes = (number) => (number < 2 ** 30 ? `${Math.round(number / 2 ** 20)} Mi` : `${(number / 2 ** 30).toFixed(1)} Gi`);
