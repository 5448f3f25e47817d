//! Repositories that are not whole by themselves: submodules, and files that Git LFS keeps.

use crate::git::{deploy, visit, with_app};
use crate::support::cli::Home;
use crate::support::server::TestServer;

/// parts.git, with the submodule libs/one (lib.git), which has one of its own (deep.git); branches: `first`; `newer`, with a newer lib and
/// the file `large` in LFS; `main` and `bare`, which have neither; and those that go wrong.
const PARTS: &str = r#"
export HOME=/root GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t GIT_CONFIG_SYSTEM=/dev/null
commit() { git add -A && git commit -qm "$1"; }
publish() { git clone -q --bare . "/srv/git/$1.git" && git -C "/srv/git/$1.git" update-server-info; }
part() { # PATH URL COMMIT
  git config -f .gitmodules "submodule.$1.path" "$1" && git config -f .gitmodules "submodule.$1.url" "$2"
  mkdir -p "$1" && git add .gitmodules && git update-index --add --cacheinfo "160000,$3,$1" && git commit -qm "$2"
}
git init -q -b main /tmp/deep && cd /tmp/deep && echo 'the deep one' >deep && commit deep && publish deep
deep=$(git rev-parse HEAD)
git init -q -b main /tmp/lib && cd /tmp/lib && echo lib-1 >lib && echo only-1 >only && chmod 755 only && commit lib
part deep ../deep.git "$deep"
one=$(git rev-parse HEAD) && git rm -q only && echo lib-2 >lib && git commit -qam second && publish lib
two=$(git rev-parse HEAD)

git init -q -b main /tmp/parts && cd /tmp/parts && cp /opt/testbed/app/app /opt/testbed/app/answer . && mkdir libs && echo plain >libs/plain
{ cat /opt/testbed/app/Dockerfile; echo 'COPY libs /libs'; } >Dockerfile && commit plain
git checkout -q -b first && part libs/one ../lib.git "$one"
git checkout -q -b file && part libs/one file:///srv/git/lib.git "$one"
git checkout -q -b missing first && part libs/two ../two.git "$one"
git checkout -q -b gone first && part libs/one ../lib.git 0123456789abcdef0123456789abcdef01234567
git checkout -q -b elsewhere first && part libs/two http://127.0.0.1:8429/lib.git "$two"
git checkout -q -b newer first && part libs/one ../lib.git "$two"
seq 5000 >/tmp/large && oid=$(sha256sum </tmp/large | cut -d ' ' -f 1) && mkdir /srv/git/objects && cp /tmp/large "/srv/git/objects/$oid"
pointer() { printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %s\n' "$1" "$2"; }
pointer "$oid" 23893 >large && mkdir art && pointer "$(echo | sha256sum | cut -d ' ' -f 1)" 1 >'art/a picture.psd'
printf '*.psd filter=lfs -text\n/large filter=lfs -text\n' >.gitattributes && git config -f .lfsconfig lfs.fetchexclude art
echo 'COPY large /large' >>Dockerfile && commit large
git checkout -q -b bare main && git rm -q Dockerfile && commit bare
git checkout -q first && publish parts
cat >/root/Guarded <<C
{
	admin off
}
:8419, :8429 {
	bind 127.0.0.1
	basicauth {
		me $(caddy hash-password --plaintext 't0ken-4711')
	}
	root * /srv/git
	@batch path /parts.git/info/lfs/objects/batch
	header @batch Content-Type application/vnd.git-lfs+json
	respond @batch \`{"objects":[{"oid":"$oid","size":23893,"actions":{"download":{"href":"http://127.0.0.1:8419/objects/$oid"}}}]}\` 200
	file_server
}
C
systemd-run -q --unit guarded caddy run --adapter caddyfile --config /root/Guarded
"#;

/// What a container that may write into the checkout could leave for the next deploy.
const TAMPER: &str = r#"
cd /opt/infrakt/apps/web/repo && mkdir /root/outside && echo here >/root/outside/lib && printf '#!/bin/sh\ntouch /root/pwned\ncat\n' >/root/evil && chmod 755 /root/evil
evil='[core]\n\tfsmonitor = /root/evil\n\tsshCommand = /root/evil\n\tworktree = /root/outside\n[filter "x"]\n\tsmudge = /root/evil\n\tclean = /root/evil\n'
for dir in .git .git/modules/*; do
  printf "$evil" >$dir/config && mkdir -p $dir/hooks $dir/info $dir/common && cp /root/evil $dir/hooks/post-checkout && echo '* filter=x' >$dir/info/attributes
done
for dir in .git/modules/*; do echo common >$dir/commondir && cp $dir/config $dir/common/ && ln -s /root/outside/lib $dir/index.lock && printf ../../../root/outside >$dir/infrakt; done
rm libs/one/.git && mkdir libs/one/.git && git init -q --bare libs/one/.git && printf "$evil" >libs/one/.git/config
mkdir -p .git/modules/more && printf libs >.git/modules/more/infrakt && rm -r libs/one/deep && ln -s /root/outside libs/one/deep
"#;

/// The checkout is that of `first`, with the submodules where they belong.
#[track_caller]
fn assert_first(server: &TestServer) {
    assert_eq!(
        server.exec(
            "cd /opt/infrakt/apps/web/repo && git rev-parse HEAD && git status --porcelain && cat libs/one/lib libs/one/only libs/one/deep/deep; \
             git -C libs/one status --porcelain; git -C libs/one/deep status --porcelain; git -C libs/one rev-parse --show-toplevel"
        ),
        format!(
            "{}\nlib-1\nonly-1\nthe deep one\n/opt/infrakt/apps/web/repo/libs/one",
            server.exec("git -C /srv/git/parts.git rev-parse first")
        )
    );
}

/// A deploy of this branch that fails at `fetch` with this code and these words.
#[track_caller]
fn fails(home: &Home, branch: &str, code: &str, texts: &[&str]) {
    println!("{branch}");
    deploy(home, &["--branch", branch]).exits(1).says(texts).says(&["failed at `fetch`", "hint: "]);
    assert_eq!(home.last_job().failure.unwrap().class_and_code(), format!("permanent/{code}"));
}

#[test]
fn submodules_and_files_of_lfs_are_fetched_and_follow_the_commit_forth_and_back() {
    let server = TestServer::ready("parts");
    server.exec(PARTS);
    let home = with_app(&server, "git://127.0.0.1/parts.git");
    home.run(&["app", "edit", "web", "--branch", "first"]).ok();
    deploy(&home, &[]).ok();
    let in_image = |command: &str| {
        let image = server.exec("docker inspect -f '{{.Image}}' $(docker ps -q)");
        server.exec(&format!("docker run --rm -u 65534 {image} sh -c '{command}'"))
    };
    assert_eq!(in_image("cd /libs/one && cat lib deep/deep && sed -n 1p only"), "lib-1\nthe deep one\nonly-1");
    assert_first(&server);
    let modes = "cd /opt/infrakt/apps/web/repo/libs && stat -c '%a %n' one one/deep one/lib one/only && ls ../.git/modules | wc -l && git -C one rev-parse --is-shallow-repository";
    assert_eq!(server.exec(modes), "755 one\n755 one/deep\n644 one/lib\n755 one/only\n2\ntrue");

    server.exec(TAMPER);
    fails(&home, "file", "submodule_refused", &["the submodule libs/one of web", "file:///srv/git/lib.git"]);
    assert_first(&server);
    fails(
        &home,
        "missing",
        "submodule_missing",
        &["git://127.0.0.1/two.git (the submodule libs/two of web)", ".gitmodules"],
    );
    fails(&home, "gone", "submodule_commit_missing", &["has no commit 0123", "as its submodule libs/one"]);
    assert_first(&server);
    assert_eq!(server.exec("ls -A /root/outside; cat /root/outside/lib; ls /root/pwned 2>/dev/null || :"), "lib\nhere");

    // The login is for the repository's own server, whatever way a submodule names it.
    home.run(&["app", "edit", "web", "--git", "http://me:t0ken-4711@127.0.0.1:8419/parts.git"]).ok();
    fails(
        &home,
        "elsewhere",
        "submodule_denied",
        &["http://127.0.0.1:8429/lib.git (the submodule libs/two of web)", "own repository alone"],
    );
    server.exec("mv /usr/bin/git-lfs /root/git-lfs");
    fails(
        &home,
        "newer",
        "no_git_lfs",
        &["web keeps large in Git LFS, and prod-1 has no git-lfs", "apt-get install git-lfs", "lfs.fetchexclude"],
    );
    assert_first(&server);

    server.exec("mv /root/git-lfs /usr/bin/git-lfs && echo kept >/opt/infrakt/apps/web/repo/libs/one/data");
    deploy(&home, &["--branch", "newer"]).ok();
    assert!(home.log(home.last_job().id).contains("a pointer to Git LFS: art/a picture.psd"));
    let newer = "cd /opt/infrakt/apps/web/repo && cat libs/one/lib libs/one/data libs/one/deep/deep && ls libs/one && tail -n 1 large && git status --porcelain";
    let as_newer = "lib-2\nkept\nthe deep one\ndata\ndeep\nlib\n5000\n M libs/one";
    assert_eq!(server.exec(newer), as_newer);
    assert_eq!(in_image("tail -n 1 /large; ls /libs/one"), "5000\ndata\ndeep\nlib");
    assert_eq!(server.exec("grep -rlsI t0ken-4711 /opt /var/lib/infrakt /run /tmp /etc || :"), "");

    // Gone, and back with the version before.
    fails(&home, "bare", "nothing_to_build", &[]);
    assert_eq!(server.exec(newer), as_newer);
    deploy(&home, &["--branch", "main"]).ok();
    assert_eq!(visit(&server, "/up"), "up\n");
    let rest = "cd /opt/infrakt/apps/web/repo && find libs art large 2>/dev/null | sort && git status --porcelain";
    assert_eq!(server.exec(rest), "libs\nlibs/one\nlibs/one/data\nlibs/plain\n?? libs/one/");
    // The next deploy takes away what was kept for the way back.
    deploy(&home, &["--commit", "0123456789abcdef0123456789abcdef01234567"]).exits(1);
    assert_eq!(server.exec("cd /opt/infrakt/apps/web/repo/.git; find modules lfs/objects -type f"), "");
}
