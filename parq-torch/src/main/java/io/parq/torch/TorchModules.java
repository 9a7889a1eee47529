package io.parq.torch;

import io.parq.optim.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NamedJitModule;
import org.bytedeco.pytorch.NamedTensor;
import org.bytedeco.pytorch.StringSharedModuleDict;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.named_module_iterator;
import org.bytedeco.pytorch.named_module_list;
import org.bytedeco.pytorch.named_parameter_iterator;
import org.bytedeco.pytorch.named_parameter_list;

/** Walks modules and tells what their parameters do, by the type of the module that owns them. */
final class TorchModules {
  private static final String BUILT_IN = "__torch__.torch.nn.modules.";
  private static final Pattern MANGLING = Pattern.compile("\\.___torch_mangle_\\d+");
  private static final Pattern NORM = Pattern.compile("(?i).*norm(\\dd)?");
  private static final Set<String> LINEARS = Set.of("Linear", "NonDynamicallyQuantizableLinear");
  private static final Set<String> EMBEDDINGS = Set.of("Embedding", "EmbeddingBag");

  private TorchModules() {}

  /**
   * A parameter under one of its names.
   *
   * @param tensor a handle that outlives any scope
   */
  record Entry(String name, Parameter.Kind kind, Tensor tensor) {
    static Entry of(String module, String own, Parameter.Kind owner, Tensor tensor) {
      String name = module.isEmpty() ? own : module + "." + own;
      return new Entry(name, role(owner, module, own, tensor.dim()), retained(tensor));
    }
  }

  /** A handle on the same tensor that no scope closes; it ends when it is unreachable. */
  static Tensor retained(Tensor tensor) {
    return new Tensor(tensor).retainReference();
  }

  static List<Entry> entries(Module module) {
    List<Entry> entries = new ArrayList<>();
    try (PointerScope _ = new PointerScope()) {
      visit("", module, entries);
    }
    return entries;
  }

  private static void visit(String name, Module module, List<Entry> entries) {
    Parameter.Kind owner = kind(module);
    StringTensorDict own = module.named_parameters(false);
    for (long i = 0; i < own.size(); i++) {
      entries.add(Entry.of(name, own.get(i).key().getString(), owner, own.get(i).value()));
    }
    StringSharedModuleDict children = module.named_children();
    for (long i = 0; i < children.size(); i++) {
      String child = children.get(i).key().getString();
      visit(name.isEmpty() ? child : name + "." + child, children.get(i).value(), entries);
    }
  }

  static List<Entry> entries(JitModule module) {
    List<Entry> entries = new ArrayList<>();
    try (PointerScope _ = new PointerScope()) {
      named_module_list modules = module.named_modules();
      named_module_iterator end = modules.end();
      for (named_module_iterator i = modules.begin(); i.notEquals(end); i.increment()) {
        addOwn(i.access(), entries);
      }
    }
    return entries;
  }

  private static void addOwn(NamedJitModule named, List<Entry> entries) {
    String name = named.name() == null ? "" : named.name().getString();
    JitModule module = named.value();
    Parameter.Kind owner = kind(module.type().name().get().qualifiedName().getString());
    named_parameter_list own = module.named_parameters(false);
    named_parameter_iterator end = own.end();
    for (named_parameter_iterator i = own.begin(); i.notEquals(end); i.increment()) {
      NamedTensor tensor = i.access();
      entries.add(Entry.of(name, tensor.name().getString(), owner, tensor.value()));
    }
  }

  private static Parameter.Kind kind(Module module) {
    if (module.asLinear() != null) {
      return Parameter.Kind.LINEAR;
    }
    if (module.asEmbedding() != null || module.asEmbeddingBag() != null) {
      return Parameter.Kind.EMBEDDING;
    }
    if (isConvolution(module)) {
      return Parameter.Kind.CONVOLUTION;
    }
    // A module that someone wrote may be named by its type: new Module("RMSNorm").
    boolean norm = isNorm(module) || NORM.matcher(module.name().getString()).matches();
    return norm ? Parameter.Kind.NORM : Parameter.Kind.OTHER;
  }

  private static boolean isConvolution(Module module) {
    return module.asConv1d() != null
        || module.asConv2d() != null
        || module.asConv3d() != null
        || module.asConvTranspose1d() != null
        || module.asConvTranspose2d() != null
        || module.asConvTranspose3d() != null;
  }

  private static boolean isNorm(Module module) {
    return module.asLayerNorm() != null
        || module.asGroupNorm() != null
        || module.asBatchNorm1d() != null
        || module.asBatchNorm2d() != null
        || module.asBatchNorm3d() != null
        || module.asInstanceNorm1d() != null
        || module.asInstanceNorm2d() != null
        || module.asInstanceNorm3d() != null;
  }

  /**
   * {@return what a TorchScript module is, by its qualified type name, such as {@code
   * __torch__.torch.nn.modules.linear.___torch_mangle_0.Linear}}
   */
  static Parameter.Kind kind(String qualifiedType) {
    String plain = MANGLING.matcher(qualifiedType).replaceAll("");
    String type = plain.substring(plain.lastIndexOf('.') + 1);
    boolean builtIn = plain.startsWith(BUILT_IN);
    if (builtIn && LINEARS.contains(type)) {
      return Parameter.Kind.LINEAR;
    }
    if (builtIn && EMBEDDINGS.contains(type)) {
      return Parameter.Kind.EMBEDDING;
    }
    if (builtIn && plain.startsWith(BUILT_IN + "conv.Conv")) {
      return Parameter.Kind.CONVOLUTION;
    }
    return NORM.matcher(type).matches() ? Parameter.Kind.NORM : Parameter.Kind.OTHER;
  }

  /** The kind of a parameter, given its owner's. */
  private static Parameter.Kind role(
      Parameter.Kind owner, String module, String own, long dimensions) {
    if (owner == Parameter.Kind.NORM) {
      return Parameter.Kind.NORM;
    }
    if (own.equals("bias") || own.endsWith("_bias")) {
      return Parameter.Kind.BIAS;
    }
    if (owner != Parameter.Kind.OTHER) {
      return own.equals("weight") ? owner : Parameter.Kind.OTHER;
    }
    // A normalization that someone wrote has no type to know it by, but a name and a vector.
    boolean norm = dimensions == 1 && NORM.matcher(module).matches();
    return norm ? Parameter.Kind.NORM : Parameter.Kind.OTHER;
  }
}
