/* nn/model/term.c — the grammar of one input of an update, such as "in sum w * sender x". */
/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "nn/model/reader.h"

enum { WORDS_MAX = 8, WORD_SIZE = 64 };

static const char *const reductions[] = {"sum", "mean", "max", "min", "std", "softmax", "attention", NULL};

typedef struct word_list {
    int n, next;
    char word[WORDS_MAX][WORD_SIZE];
} word_list;

static hg_status split(hg_context *ctx, const hg_yaml *node, const char *text, word_list *words)
{
    words->n = words->next = 0;
    while (*text) {
        size_t length = *text == '*' ? 1 : strcspn(text, " *");
        if (length > 0) {
            if (words->n == WORDS_MAX || length >= WORD_SIZE)
                return hg_yaml_fail(ctx, node, "input is too long: at most %d words", WORDS_MAX);
            memcpy(words->word[words->n], text, length);
            words->word[words->n++][length] = '\0';
        }
        text += length > 0 ? length : 1;
    }
    return HG_OK;
}

static bool accept(word_list *words, const char *word)
{
    if (words->next >= words->n || strcmp(words->word[words->next], word) != 0) return false;
    ++words->next;
    return true;
}

static hg_status take_name(hg_context *ctx, const hg_yaml *node, word_list *words, char *out)
{
    if (words->next >= words->n) return hg_yaml_fail(ctx, node, "expected the name of a table at the end of \"%s\"", node->text);
    const char *word = words->word[words->next++];
    bool good = isalpha((unsigned char)word[0]) || word[0] == '_';
    for (const char *c = word; *c; ++c) good = good && (isalnum((unsigned char)*c) || *c == '_');
    if (!good) return hg_yaml_fail(ctx, node, "found \"%s\", expected the name of a table (letters, digits, _)", word);
    memcpy(out, word, strlen(word) + 1);
    return HG_OK;
}

/* Message of a reduction: [FACTOR *] [sender | receiver] NAME. */
static hg_status parse_message(hg_context *ctx, const hg_yaml *node, word_list *words, hg_term_text *out)
{
    hg_status status = HG_OK;
    if (words->next + 1 < words->n && !strcmp(words->word[words->next + 1], "*")) {
        HG_TRY(take_name(ctx, node, words, out->weight));
        ++words->next;
    }
    if (accept(words, "sender")) {
        out->message = HG_SENDER;
    } else if (accept(words, "receiver")) {
        out->message = HG_RECEIVER;
    }
    HG_TRY(take_name(ctx, node, words, out->value));
done:
    return status;
}

static hg_access take_end(word_list *words)
{
    if (accept(words, "sender")) return HG_SENDER;
    return accept(words, "receiver") ? HG_RECEIVER : HG_OWN;
}

/* dot [SHARES] [sender | receiver] NAME * [sender | receiver] NAME. */
static hg_status parse_dot(hg_context *ctx, const hg_yaml *node, word_list *words, hg_term_text *out)
{
    hg_status status = HG_OK;
    out->computation = HG_COMPUTE_DOT;
    out->groups = 1;
    if (words->next < words->n && isdigit((unsigned char)words->word[words->next][0])) {
        out->groups = strtol(words->word[words->next++], NULL, 10);
        if (out->groups < 1 || out->groups > HG_MAX_WIDTH)
            return hg_yaml_fail(ctx, node, "\"%s\": expected a number of shares from 1 to %d after dot", node->text, HG_MAX_WIDTH);
    }
    out->left = take_end(words);
    HG_TRY(take_name(ctx, node, words, out->value));
    if (!accept(words, "*")) return hg_yaml_fail(ctx, node, "\"%s\": expected * and a second table", node->text);
    out->right = take_end(words);
    HG_TRY(take_name(ctx, node, words, out->weight));
done:
    return status;
}

/* columns FIRST..LAST NAME, both counted from 0 and included. */
static hg_status parse_columns(hg_context *ctx, const hg_yaml *node, word_list *words, hg_term_text *out)
{
    const char *range = words->next < words->n ? words->word[words->next++] : "";
    char *end = NULL;
    out->computation = HG_COMPUTE_COLUMNS;
    out->first = out->last = strtol(range, &end, 10);
    bool good = end != range && isdigit((unsigned char)range[0]);
    if (good && !strncmp(end, "..", 2)) {
        const char *second = end + 2;
        out->last = strtol(second, &end, 10);
        good = end != second && isdigit((unsigned char)second[0]);
    }
    if (!good || *end || out->first > out->last || out->last >= HG_MAX_WIDTH)
        return hg_yaml_fail(ctx, node, "\"%s\": found \"%s\", expected columns such as 0..3", node->text, range);
    return take_name(ctx, node, words, out->value);
}

/* Sets *found where the words are a computation. */
static hg_status parse_computation(hg_context *ctx, const hg_yaml *node, word_list *words, hg_term_text *out, bool *found)
{
    *found = true;
    if (accept(words, "dot")) return parse_dot(ctx, node, words, out);
    if (accept(words, "columns")) return parse_columns(ctx, node, words, out);
    if (accept(words, "distance")) {
        out->computation = HG_COMPUTE_DISTANCE;
    } else if (accept(words, "homophily")) {
        out->computation = HG_COMPUTE_HOMOPHILY;
    } else if (accept(words, "count")) {
        out->computation = HG_COMPUTE_COUNT;
    } else if (accept(words, "log10_count")) {
        out->computation = HG_COMPUTE_LOG_COUNT;
    } else {
        *found = false;
        return HG_OK;
    }
    return take_name(ctx, node, words, out->value);
}

hg_status hg_term_parse(hg_context *ctx, const hg_yaml *node, const char *text, hg_term_text *out)
{
    hg_status status = HG_OK;
    word_list words;
    hg_term_text term = {.access = HG_OWN, .message = HG_OWN};

    HG_TRY(split(ctx, node, text, &words));
    term.outgoing = accept(&words, "out");
    term.directed = term.outgoing || accept(&words, "in");
    bool reduced = false, computed = false;
    for (int i = 0; reductions[i] && !reduced; ++i) {
        reduced = accept(&words, reductions[i]);
        if (reduced) term.reduction = (hg_reduction)i;
    }
    if (!reduced && !term.directed && words.n > 1) HG_TRY(parse_computation(ctx, node, &words, &term, &computed));
    if (computed) {
        term.access = HG_COMPUTED;
    } else if (reduced) {
        term.access = HG_REDUCED;
        HG_TRY(parse_message(ctx, node, &words, &term));
    } else {
        if (term.directed) {
            status = hg_yaml_fail(ctx, node, "\"%s\": expected sum, mean, max, min, std, softmax or attention after in or out", text);
            goto done;
        }
        if (accept(&words, "sender")) {
            term.access = HG_SENDER;
        } else if (accept(&words, "receiver")) {
            term.access = HG_RECEIVER;
        } else if (accept(&words, "difference")) {
            term.access = HG_DIFFERENCE;
        }
        HG_TRY(take_name(ctx, node, &words, term.value));
    }
    if (words.next < words.n) {
        status = hg_yaml_fail(ctx, node, "\"%s\": did not expect \"%s\"", text, words.word[words.next]);
        goto done;
    }
    *out = term;
done:
    return status;
}
