package io.parq;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaModifier.PROTECTED;
import static com.tngtech.archunit.core.domain.JavaModifier.PUBLIC;
import static com.tngtech.archunit.core.domain.JavaModifier.SYNTHETIC;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaAnnotation;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which module may see which, and what the libraries' public signatures may show. */
class ArchitectureTest {

  private static final String[] LIBRARIES = {
    "io.parq.grids..", "io.parq.optim..", "io.parq.export..", "io.parq.runtime..", "io.parq.serve.."
  };

  private static final String JMH_GENERATED = "..jmh_generated..";

  private static JavaClasses parq;

  @BeforeAll
  static void readClasses() {
    parq =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("io.parq");
  }

  /** Without this, a class path that lacks a module would pass all other tests. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "grids",
        "optim",
        "export",
        "runtime",
        "serve",
        "torch",
        "samples",
        "benchmarks",
        "cli"
      })
  void everyModuleIsRead(String module) {
    assertTrue(
        parq.stream().anyMatch(resideInAPackage("io.parq." + module + "..")),
        "no class of io.parq." + module + " on the class path");
  }

  @ParameterizedTest
  @CsvSource({
    "io.parq.grids.., io.parq.grids..",
    "io.parq.optim.., io.parq.grids..",
    "io.parq.export.., io.parq.grids..",
    "io.parq.runtime.., io.parq.grids..|io.parq.export..",
    "io.parq.serve.., io.parq.runtime..|io.parq.export..|io.parq.grids..",
    "io.parq.torch.., io.parq.grids..|io.parq.optim..|io.parq.export..",
    "io.parq.benchmarks.., io.parq.grids..|io.parq.optim..|io.parq.export..|io.parq.runtime..|io.parq.torch..",
    "io.parq.samples.., io.parq.grids..|io.parq.optim..|io.parq.export..|io.parq.runtime..|io.parq.torch..",
  })
  void modulesSeeOnlyWhatIsBelowThem(String module, String below) {
    noClasses()
        .that()
        .resideInAPackage(module)
        .should()
        .dependOnClassesThat(
            resideInAPackage("io.parq..")
                .and(not(resideInAPackage(module)))
                .and(not(resideInAnyPackage(below.split("\\|")))))
        .check(parq);
  }

  @Test
  void librariesShowNoThirdPartyTypes() {
    classes()
        .that()
        .resideInAnyPackage(LIBRARIES)
        .should(showOnlyJavaAndParqTypes())
        .because("the libraries' users must not depend on what the libraries are made with")
        .check(parq);
  }

  @Test
  void theRuntimeNeedsNoLibTorch() {
    noClasses()
        .that()
        .resideInAnyPackage("io.parq.runtime..", "io.parq.serve..")
        .should()
        .dependOnClassesThat(resideInAnyPackage("org.bytedeco..", "ai.djl.pytorch.."))
        .check(parq);
  }

  @Test
  void librariesNeverPrint() {
    noClasses()
        .that()
        .resideInAnyPackage(LIBRARIES)
        .should(ACCESS_STANDARD_STREAMS)
        .because("the libraries log through System.Logger")
        .check(parq);
  }

  @Test
  void theCommandDoesNotCarryJmh() {
    assertThrows(ClassNotFoundException.class, () -> Class.forName("org.openjdk.jmh.Main"));
    noClasses()
        .that()
        .haveSimpleNameNotEndingWith("Benchmark")
        .and()
        .resideOutsideOfPackage(JMH_GENERATED)
        .should()
        .dependOnClassesThat(resideInAPackage("org.openjdk.jmh.."))
        .because("the runner behind parq bench works without it")
        .check(parq);
  }

  @Test
  void everyPackageIsNullMarked() {
    classes()
        .that()
        .resideInAPackage("io.parq..")
        .and()
        .resideOutsideOfPackage(JMH_GENERATED)
        .should(
            condition(
                "be in a package marked @NullMarked",
                (type, violation) -> {
                  if (!type.getPackage().isAnnotatedWith(NullMarked.class)) {
                    violation.accept(type.getPackageName() + " lacks @NullMarked");
                  }
                }))
        .check(parq);
  }

  private static ArchCondition<JavaClass> showOnlyJavaAndParqTypes() {
    return condition(
        "show only types of Java and parq",
        (type, violation) -> {
          if (!isShown(type)) {
            return;
          }
          for (String foreign : foreignTypesOf(type)) {
            violation.accept(type.getName() + " shows " + foreign);
          }
          for (JavaMember member : type.getMembers()) {
            if (isShown(member)) {
              for (String foreign : foreignTypesOf(member)) {
                violation.accept(member.getFullName() + " shows " + foreign);
              }
            }
          }
        });
  }

  private static boolean isShown(JavaClass type) {
    return (type.getModifiers().contains(PUBLIC) || type.getModifiers().contains(PROTECTED))
        && type.getEnclosingClass().map(ArchitectureTest::isShown).orElse(true);
  }

  private static boolean isShown(JavaMember member) {
    return !member.getModifiers().contains(SYNTHETIC)
        && (member.getModifiers().contains(PUBLIC) || member.getModifiers().contains(PROTECTED));
  }

  private static Set<String> foreignTypesOf(JavaClass type) {
    return foreign(
        Stream.concat(type.getInterfaces().stream(), type.getSuperclass().stream()),
        type.getAnnotations());
  }

  private static Set<String> foreignTypesOf(JavaMember member) {
    Stream<JavaType> types =
        switch (member) {
          case JavaField field -> Stream.of(field.getType());
          case JavaCodeUnit code ->
              Stream.of(
                      Stream.of(code.getReturnType()),
                      code.getParameterTypes().stream(),
                      code.getTypeParameters().stream(),
                      code.getExceptionTypes().stream())
                  .flatMap(part -> part);
          default -> throw new AssertionError(member);
        };
    return foreign(types, member.getAnnotations());
  }

  private static Set<String> foreign(
      Stream<? extends JavaType> types, Set<? extends JavaAnnotation<?>> annotations) {
    Set<String> names = new TreeSet<>();
    types
        .flatMap(type -> type.getAllInvolvedRawTypes().stream())
        .map(JavaClass::getBaseComponentType)
        .filter(type -> !type.isPrimitive())
        .map(JavaClass::getName)
        .filter(name -> !name.startsWith("java.") && !name.startsWith("io.parq."))
        .forEach(names::add);
    annotations.stream()
        .map(annotation -> annotation.getRawType().getName())
        .filter(name -> !name.startsWith("java.") && !name.startsWith("org.jspecify."))
        .forEach(names::add);
    return names;
  }

  private interface Check {
    void look(JavaClass type, Consumer<String> violation);
  }

  private static ArchCondition<JavaClass> condition(String description, Check check) {
    return new ArchCondition<>(description) {
      @Override
      public void check(JavaClass type, ConditionEvents events) {
        check.look(type, text -> events.add(SimpleConditionEvent.violated(type, text)));
      }
    };
  }
}
