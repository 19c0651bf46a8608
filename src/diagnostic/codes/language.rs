//! Codes of the language: syntax, evaluation, variables: CAP01xx to CAP02xx.

use super::codes;

codes! {
    101 SYNTAX "Invalid syntax": "The file does not parse as HCL. The report points at the first place where the text cannot go on.";
    102 UNKNOWN_BLOCK "Unsupported block type": "A block's type is neither part of the language nor a kind of resource, or it may not stand in the block that holds it. Check its spelling, and whether it stands in the right block.";
    103 UNKNOWN_ARGUMENT "Unsupported argument": "The block takes no argument of that name. Check its spelling, and whether it belongs into a nested block.";
    104 MISSING_ARGUMENT "Missing required argument": "The block needs this argument, and it was left out or is null.";
    105 BLOCK_COUNT "Wrong number of blocks": "A nested block is missing, or stands more often than it may.";
    106 LABELS "Wrong number of labels": "Blocks of this type are written with a fixed number of labels: a resource is type \"name\" { … }.";
    107 NAME "Invalid name": "A name begins with a letter or an underscore and holds letters, digits, underscores and hyphens; some names are reserved.";
    108 DUPLICATE "Declared twice": "Within one module each address, variable, local value, output and check is declared once, whatever the file. Rename or remove one of the two.";
    109 OVERRIDE "Invalid override": "An override file (override.cap.hcl, *_override.cap.hcl) changes blocks that other files of the module declare: arguments one by one, nested blocks by their type. What it changes has to be there.";
    110 UNDECLARED "Reference to undeclared object": "The expression names a variable, a local value or a resource that is not declared in this module.";
    111 REFERENCE "Invalid reference": "The expression names something that cannot be referred to here, or not in this way.";
    112 CYCLE "Cycle of references": "A value depends on itself by way of the references shown. Remove one of them, or move what both sides need into a local value of its own.";
    113 FACT "Fact read too early": "Facts such as not_after exist only after apply. They can be read in outputs, checks and postconditions, where they are those of the store; configuration cannot depend on them.";
    120 OPERAND "Invalid operand": "An operator was given a value it cannot work with. Arithmetic and comparison take numbers, && || ! take bools.";
    121 CONDITION "Invalid condition": "A condition must be true or false.";
    122 CONDITIONAL "Inconsistent conditional result types": "Both results of a conditional must be convertible to one type, since it has one type whatever its condition says.";
    123 INDEX "Invalid index": "The key names no element of the collection, or the value has no elements that a key could name.";
    124 ATTRIBUTE "Unsupported attribute": "The value has no attribute of that name.";
    125 ITERATION "Value cannot be iterated": "Only lists, sets, tuples, maps and objects have elements to go through.";
    126 KEY "Invalid object key": "Keys of an object are texts, and in a for expression without ... each comes up once.";
    127 TEMPLATE "Value cannot stand in a template": "Templates hold texts, numbers and bools. Write other values with a function such as join or jsonencode.";
    128 FUNCTION "Call to unknown function": "There is no function of that name.";
    129 ARGUMENT "Invalid function argument": "The function cannot work with this argument. The detail says why.";
    130 CALL "Function call failed": "The function was called with too few or too many arguments, or could not do its work.";
    131 SECRET "Secret looked into": "A secret can only be given to an argument that takes one. It cannot be put into a text, compared, hashed, converted or shown, so that it never gets into a plan or a record.";
    132 LIMIT "Limit exceeded": "A value or an estate is larger or deeper than is ever meant. The limits are far above any estate written by people.";
    140 TYPE "Wrong type": "The argument's value is not of the type it needs and cannot be converted to it.";
    141 VALUE "Value not allowed": "The argument takes one of a few fixed values.";
    142 PROJECT "Project missing": "Every resource but organization and member belongs to a project. Where the module declares a single project it is taken; otherwise the argument is needed.";
    143 CERTIFICATE "Template over the certificate": "Some arguments of a target are evaluated once for each certificate deployed to it, with `certificate` as that certificate. The template failed for one of them.";
    150 CONSTRAINT "Invalid type constraint": "A variable's type is string, number, bool, any, list(T), set(T), map(T), tuple([T, …]) or object({ name = T, … }), with optional(T) and optional(T, default) for attributes of objects.";
    151 VARIABLE "Invalid value for variable": "The value given for a variable is not of its type.";
    152 NO_VALUE "No value for required variable": "The variable has no default and was given no value. Give it one with -var, a variable file or the environment.";
    153 UNDECLARED_VARIABLE "Value for undeclared variable": "A value was given for a variable that the configuration does not declare.";
    154 VALIDATION "Variable validation failed": "A value does not meet the condition of a validation block; its error_message says what is wanted.";
    155 ASSIGNMENT "Invalid variable assignment": "A variable is set with -var 'name=value', without spaces around the equals sign, or with name = value in a variable file, where expressions have no references and no functions.";
    160 FOR_EACH "Invalid for_each argument": "for_each takes a map, an object or a set of strings; its keys become part of the addresses. Lists have no keys: convert them with toset.";
    161 COUNT "Invalid count argument": "count takes a whole number that is not negative.";
    162 DEPENDS_ON "Invalid depends_on": "depends_on takes a list of references to resources: [zone.example].";
    163 LIFECYCLE "Invalid lifecycle": "A lifecycle block holds prevent_destroy (true or false), ignore_changes (a list of arguments, or all), and blocks precondition and postcondition.";
    164 PRECONDITION "Resource precondition failed": "A precondition of a resource does not hold; its error_message says what is wanted. Nothing is done before it holds.";
    165 POSTCONDITION "Resource postcondition failed": "A postcondition of a resource does not hold for what the configuration says or what is there; its error_message says what is wanted.";
    166 CHECK "Check block assertion failed": "An assertion of a check block does not hold; its error_message says what is wanted. Checks warn and stop nothing.";
    167 OUTPUT_PRECONDITION "Module output value precondition failed": "A precondition of an output does not hold; its error_message says what is wanted.";
    168 MOVED "Invalid moved block": "A moved block names what there was and what it is now: two resources of one type, or two modules. What has moved is not declared any more where it was.";
    169 REMOVED "Invalid removed block": "A removed block names a whole resource or module that is not declared any more.";
    172 MODULE "Invalid module call": "A module block calls the module in the directory that its source names, as a text that begins with ./ or ../. A module never calls itself, however far around.";
    170 VERSION "Unsupported version": "The configuration's required_version excludes this version of cap.";
    171 OUTPUT "Invalid output": "An output holds what can be shown: no secrets.";
    180 RESIDUAL "Output cannot be resolved": "The output reads facts, and evaluating it with those of the store failed.";
}
